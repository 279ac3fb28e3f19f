#pragma once
/// \file What was shown to whom and what came of it, read from the events of a store. Layer 6.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/result.h"
#include "penchant/store/store.h"

namespace penchant::evaluate {

/// "rating>=4", "click", "play_seconds<30": events of a type, all or those whose value compares so.
struct OutcomeRule {
  enum class Compare : std::uint8_t { any, less, at_most, equal, at_least, more };
  std::string type;
  Compare compare = Compare::any;
  double value = 0;
  /// An event without a value matches `any` alone.
  [[nodiscard]] bool matches(double event_value) const noexcept;
};
/// Operators: < <= = >= >. \return invalid_argument saying how a rule is written
Result<OutcomeRule> parse_outcome_rule(std::string_view text);

struct OutcomeOptions {
  /// What is predicted; empty: every event of a type with a positive weight.
  std::vector<OutcomeRule> positive;
  /// What is no such outcome; empty: the other events with a value of the types that `positive` compares.
  std::vector<OutcomeRule> negative;
};

struct Outcome {
  std::uint32_t user = 0, item = 0;  ///< rows of the store
  std::int64_t time_ms = 0;
  bool positive = false;
  bool sampled = false;  ///< nobody saw it: drawn in place of an impression
};

struct OutcomeLog {
  std::vector<Outcome> outcomes;      ///< by time, then user, then arrival
  std::vector<std::string> item_ids;  ///< [items], the whole catalogue
  std::size_t users = 0;
};

/// With rules for negatives of their own, one is left out when the same user has a positive for the
/// same item on the same day (UTC): an impression that was clicked.
/// \return invalid_argument, saying what to do, without times, on a type that the store does not have
/// (listing those it has) or when nothing is positive
Result<OutcomeLog> load_outcomes(store::Store& store, const OutcomeOptions& options);

}  // namespace penchant::evaluate
