#pragma once
/// \file All events of a project in memory, grouped by user: what splits are made of. Layer 6.
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "penchant/base/result.h"
#include "penchant/catalog/cold_items.h"
#include "penchant/store/store.h"

namespace penchant::evaluate {

/// One event of a known user.
struct Interaction {
  std::uint32_t item = 0;                                   ///< row of the catalogue, below EventLog::items()
  std::uint16_t type = 0;                                   ///< index into EventLog::types
  double value = std::numeric_limits<double>::quiet_NaN();  ///< NaN where none was given
  std::int64_t time_ms = 0;                                 ///< see EventLog::world_times
};

/// Events in order of (user, time, arrival), as compressed rows. A plain value; threads: const
/// access is safe.
struct EventLog {
  std::vector<std::string> user_ids;    ///< [users] external ids
  std::vector<std::string> item_ids;    ///< [items] external ids, the whole catalogue
  std::vector<std::string> types;       ///< event type names
  std::vector<std::size_t> offsets{0};  ///< [users + 1] into `events`
  std::vector<Interaction> events;      ///< [offsets.back()]
  bool world_times = true;              ///< false: times are positions or days since a user's first event
  std::vector<double> cold_keys;        ///< [items] number under an attribute (catalog/cold_items.h); empty: not read

  [[nodiscard]] std::size_t users() const noexcept { return offsets.size() - 1; }
  [[nodiscard]] std::size_t items() const noexcept { return item_ids.size(); }
  /// Events of one user, oldest first. Lives as long as the log is not changed.
  [[nodiscard]] std::span<const Interaction> of(std::size_t user) const {
    return std::span(events).subspan(offsets[user], offsets[user + 1] - offsets[user]);
  }
};

/// Reads the whole log of a store. Events of types with weight <= 0 are left out: they are kept but
/// not learned from, so they are neither history nor target.
/// \param cold_by where it is an attribute, its numbers are read too; invalid_argument where no item has one
Result<EventLog> load_events(store::Store& store, const catalog::ColdBy& cold_by = {});

/// Permutes the events of equal time inside each user; the same seed gives the same order.
void shuffle_ties(EventLog& log, std::uint64_t seed);

/// How often people come back to what they know, which decides whether seen items should be
/// removed by default.
struct Repeats {
  std::size_t events = 0;    ///< events that have an earlier event of the same user
  std::size_t repeated = 0;  ///< of those, with an item this user had before
  [[nodiscard]] double share() const noexcept {
    return events == 0 ? 0 : static_cast<double>(repeated) / static_cast<double>(events);
  }
  /// True when repeats are so rare (below 5 %) that a seen item is a wasted place in the list.
  [[nodiscard]] bool remove_seen() const noexcept { return share() < 0.05; }
};

/// Counts repeats among the given sequences (training parts, so that no target is looked at).
[[nodiscard]] Repeats count_repeats(std::span<const std::span<const Interaction>> sequences);

}  // namespace penchant::evaluate
