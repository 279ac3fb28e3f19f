#pragma once
/// \file Events of one moment: whoever walks over them, and another order that training and judging share. Layer 2.
#include <cstddef>
#include <cstdint>
#include <span>

#include "penchant/base/rng.h"

namespace penchant::catalog {

/// Calls visit(from, to) for every run of one moment in [begin, end). \param time_of(i): the time of event i
template <class TimeOf, class Visit>
void each_moment(std::size_t begin, std::size_t end, TimeOf&& time_of, Visit&& visit) {
  while (begin < end) {
    std::size_t to = begin + 1;
    while (to < end && time_of(to) == time_of(begin)) ++to;
    visit(begin, to);
    begin = to;
  }
}

/// Permutes the events that share a time inside one user. Every user has a draw of their own, so other users' events do
/// not move it; users without events count for nothing.
/// \param offsets [users + 1], events of user u are [offsets[u], offsets[u + 1]), oldest first; Event has time_ms
template <class Offset, class Event>
void shuffle_ties(std::span<const Offset> offsets, std::span<Event> events, std::uint64_t seed) {
  std::uint64_t user = 0;
  for (std::size_t u = 0; u + 1 < offsets.size(); ++u) {
    if (offsets[u] == offsets[u + 1]) continue;
    Rng rng(seed * 0x9e3779b97f4a7c15ULL + user++);
    each_moment(static_cast<std::size_t>(offsets[u]), static_cast<std::size_t>(offsets[u + 1]), [&](std::size_t i) { return events[i].time_ms; },
                [&](std::size_t from, std::size_t to) { rng.shuffle(events.subspan(from, to - from)); });
  }
}

}  // namespace penchant::catalog
