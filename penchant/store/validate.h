#pragma once
/// \file What looks wrong in a store, and what to do about it. Layer 3.
#include <cstdint>
#include <string>
#include <vector>

#include "penchant/base/clock.h"
#include "penchant/base/result.h"
#include "penchant/store/store.h"

namespace penchant::store {

enum class Severity : std::uint8_t {
  error,    ///< training or serving cannot do anything sensible
  warning,  ///< results will suffer
  note,     ///< worth knowing
};

/// One thing that was found.
struct Finding {
  Severity severity = Severity::note;
  std::string code;                   ///< stable word: "no_events", "one_user", "equal_times", …
  std::string what;                   ///< what looks wrong, with figures
  std::string advice;                 ///< what to do
  std::vector<std::string> examples;  ///< up to five ids or titles
};

/// Errors first, then warnings, then notes; empty: nothing looks wrong. Codes: no_items, no_events,
/// one_user, one_item, equal_times, future_times, old_times, crowded_instant, single_event_users,
/// items_without_text, duplicate_titles, unknown_items, dominating_item, same_time_runs,
/// unavailable_items, no_positive_type.
/// Memory: as describe(), and a hash per title.
Result<std::vector<Finding>> validate(Store& store, const Clock& clock);

/// Plain text of at most 100 columns; one sentence when there is nothing to say.
[[nodiscard]] std::string to_table(const std::vector<Finding>& findings);
[[nodiscard]] std::string to_json(const std::vector<Finding>& findings);
[[nodiscard]] std::string_view name_of(Severity severity) noexcept;

}  // namespace penchant::store
