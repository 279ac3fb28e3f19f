#pragma once
/// \file Another order of events of one moment: shared by training and judging. Layer 2.
#include <cstdint>
#include <span>

#include "penchant/base/rng.h"

namespace penchant::catalog {

/// Permutes the events that share a time inside one user. Every user has a draw of their own, so other users' events do
/// not move it; users without events count for nothing.
/// \param offsets [users + 1], events of user u are [offsets[u], offsets[u + 1]), oldest first; Event has time_ms
template <class Offset, class Event>
void shuffle_ties(std::span<const Offset> offsets, std::span<Event> events, std::uint64_t seed) {
  std::uint64_t user = 0;
  for (std::size_t u = 0; u + 1 < offsets.size(); ++u) {
    if (offsets[u] == offsets[u + 1]) continue;
    Rng rng(seed * 0x9e3779b97f4a7c15ULL + user++);
    const auto end = static_cast<std::size_t>(offsets[u + 1]);
    for (auto first = static_cast<std::size_t>(offsets[u]); first < end;) {
      std::size_t last = first + 1;
      while (last < end && events[last].time_ms == events[first].time_ms) ++last;
      rng.shuffle(events.subspan(first, last - first));
      first = last;
    }
  }
}

}  // namespace penchant::catalog
