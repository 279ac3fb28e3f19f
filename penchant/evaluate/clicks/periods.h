#pragma once
/// \file Days or weeks of outcomes, one after the other: each is judged before it is learned. Layer 6.
#include <cstdint>
#include <string_view>
#include <vector>

#include "penchant/evaluate/clicks/outcomes.h"

namespace penchant::evaluate {

enum class PeriodLength : std::uint8_t { day, week };
[[nodiscard]] std::string_view name_of(PeriodLength length) noexcept;  ///< "day", "week"
/// \return invalid_argument naming the allowed words
Result<PeriodLength> parse_period(std::string_view word);

/// Which periods are judged: training < validation <= … < test.
enum class JudgedPart : std::uint8_t { validation, test };

struct PeriodOptions {
  PeriodLength length = PeriodLength::day;
  JudgedPart judged = JudgedPart::test;
  double validation_from = 0.2, test_from = 0.4;  ///< shares of the outcomes before them; 0 < a < b < 1
};

/// Outcomes cut at midnight UTC, weeks counted from the day of the first outcome. Periods without an
/// outcome are left out. What the judged part must not know, later outcomes, is not in here.
struct Periods {
  std::vector<Outcome> outcomes;        ///< by time
  std::vector<std::size_t> begins;      ///< [periods + 1] into outcomes
  std::vector<std::int64_t> starts_ms;  ///< [periods]
  std::size_t first_judged = 0;         ///< this period and all after it are judged

  [[nodiscard]] std::size_t size() const noexcept { return starts_ms.size(); }
  /// Everything that may be fitted on before the first judged period. Lives as long as this.
  [[nodiscard]] std::span<const Outcome> training() const { return std::span(outcomes).first(begins[first_judged]); }
};
/// \return invalid_argument, saying what to do, when the shares are out of order or leave no period to
/// learn from or to judge
Result<Periods> cut_periods(std::span<const Outcome> outcomes, const PeriodOptions& options);

/// Adds `per_positive` drawn negatives behind every positive: evenly among the items that appear in the
/// same period for the first time where the positive is one of them, else evenly among those that
/// appeared before, so that being new says nothing; never one that the user takes in the period. Where
/// nothing is left to draw, none is added. Deterministic.
void sample_negatives(Periods& periods, std::size_t items, std::size_t per_positive, std::uint64_t seed);

/// How often each outcome's item was in an outcome (a drawn one does not count) before its period, [outcomes].
[[nodiscard]] std::vector<std::uint32_t> counts_before(const Periods& periods, std::size_t items);

}  // namespace penchant::evaluate
