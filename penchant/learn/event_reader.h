#pragma once
/// \file The events of a store as histories, and what is held out of them. Layer 5.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "penchant/base/result.h"
#include "penchant/learn/dataset.h"
#include "penchant/store/store.h"

namespace penchant::learn {

/// One event of the log, still with its type and value.
struct LoggedEvent {
  std::uint32_t item = 0;
  std::uint16_t type = 0;   ///< index into the store's event types
  double value = 0;         ///< NaN: none
  std::int64_t time_ms = 0;
};

/// Events by user, oldest first; users without events are left out.
struct EventTable {
  std::vector<std::uint64_t> offsets{0};  ///< [users + 1]
  std::vector<LoggedEvent> events;
  bool has_clock = true;                  ///< time_ms is a moment, not a position or an offset
  std::vector<double> cold_keys;          ///< [items], of an attribute that chooses cold items; else empty
  [[nodiscard]] std::size_t users() const noexcept { return offsets.size() - 1; }
};

/// Reads all events of types with a positive weight.
/// \return corrupt when an event names an item row that is not below `items`
Result<EventTable> read_events(store::Store& store, std::uint32_t items);

/// Row numbers of training's end and the validation event of each user.
struct Cut {
  std::vector<std::uint64_t> training_end;       ///< [users], absolute
  std::vector<std::uint64_t> validation_events;  ///< event numbers, ascending
  std::int64_t time_ms = 0;                      ///< Holdout::time: the cut
  std::int64_t test_ms = 0;                      ///< Holdout::time: validation ends here
  std::vector<std::uint8_t> held_out;            ///< Holdout::cold: [items], 1 = its events are left out
  /// Whether event `e` is one that may be learned from, given that it lies before training_end.
  [[nodiscard]] bool learns(const LoggedEvent& e) const { return held_out.empty() || held_out[e.item] == 0; }
};
/// \param item_ids [items], external ids: what Holdout::cold draws from; unused otherwise
/// \return invalid_argument when the data have no times to cut, or nothing is left to learn from
Result<Cut> hold_out(const EventTable& table, const DatasetOptions& options,
                     std::span<const std::string> item_ids = {});

/// Table of action rows over the training events: row 0 "unknown"; per type one row for events
/// without a value, and one per distinct value (at most 8, else 8 ranges of equal share).
[[nodiscard]] std::vector<artifact::ActionRow> make_actions(const EventTable& table, const Cut& cut,
                                                            const std::vector<store::EventType>& types);
/// Row for an event: its value's range, else the type's row without a value, else 0.
[[nodiscard]] std::uint16_t action_of(const std::vector<artifact::ActionRow>& actions, const std::string& type,
                                      double value) noexcept;

/// Strength of the events of every action row: weight of the type times the mean of the values there over the mean of
/// the type, that in [1/4, 4]; the weight alone where the type has a value that is not positive. Over the training events.
[[nodiscard]] std::vector<float> action_strengths(const EventTable& table, const Cut& cut, const std::vector<store::EventType>& types,
                                                  const std::vector<artifact::ActionRow>& actions);

/// Puts training histories, validation cases, actions with their strengths, counts and `removes_seen` into `data`.
void fill_histories(const EventTable& table, const Cut& cut, const std::vector<store::EventType>& types,
                    TrainingData& data);

}  // namespace penchant::learn
