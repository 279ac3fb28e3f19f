#pragma once
/// \file How reports write texts and numbers. Private to evaluate/. Layer 6.
#include <string>
#include <string_view>
#include <vector>

#include "penchant/evaluate/runner.h"

namespace penchant::evaluate {

/// As a JSON string.
[[nodiscard]] std::string quoted(std::string_view text);
/// Shortest form that reads back as the same number; JSON has no infinities: null.
[[nodiscard]] std::string number(double value);
/// ".0476", "1.0000", "-.0012".
[[nodiscard]] std::string short_number(double value);
/// ".0476 [.0452 .0499]"; with a spread over seeds ".0476±.0003 [.0452 .0499]".
[[nodiscard]] std::string short_estimate(const metrics::Estimate& estimate, double spread, bool with_spread);
/// "+.0012 [-.0003 +.0027]".
[[nodiscard]] std::string short_difference(const metrics::Estimate& estimate);
/// "+.0012", "-.0003".
[[nodiscard]] std::string signed_number(double value);
/// "name":{"value":…,"low":…,"high":…}
[[nodiscard]] std::string named_estimate(std::string_view name, const metrics::Estimate& estimate);
/// "2011-12-09".
[[nodiscard]] std::string day_of(std::int64_t time_ms);
/// "NDCG@10" of "ndcg@10".
[[nodiscard]] std::string metric_title(std::string_view name);
/// "leave-last-out", "global time cut", "cold items", "windows after a cut".
[[nodiscard]] std::string_view protocol_title(Kind kind) noexcept;
/// Setting that a single list should show: removed where it was run.
[[nodiscard]] Seen shown_setting(const Report& report) noexcept;
/// Results of one setting, best NDCG@10 first.
[[nodiscard]] std::vector<const ModelResult*> ranked_results(const Report& report, Seen seen, Ties ties);
/// Null when there is none.
[[nodiscard]] const Winner* find_winner(const Report& report, std::string_view metric, Seen seen, Ties ties) noexcept;
[[nodiscard]] const Metric* find_metric(const std::vector<Metric>& metrics, std::string_view name) noexcept;

}  // namespace penchant::evaluate
