#include "penchant/evaluate/clicks/periods.h"

#include <algorithm>
#include <limits>
#include <set>

#include "penchant/base/rng.h"
#include "penchant/evaluate/split/split.h"

namespace penchant::evaluate {
namespace {

constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();
constexpr int kDraws = 32;  // before a negative is given up

std::int64_t midnight(std::int64_t time_ms) {
  const std::int64_t rest = time_ms % kDayMs;
  return time_ms - (rest < 0 ? rest + kDayMs : rest);
}

/// First period whose start has at least `share` of the outcomes before it.
std::size_t period_from(const Periods& periods, double share) {
  const double before = share * static_cast<double>(periods.outcomes.size());
  std::size_t p = 0;
  while (p < periods.size() && static_cast<double>(periods.begins[p]) < before) ++p;
  return p;
}

/// Items by the period of their first outcome.
struct Appearance {
  std::vector<std::size_t> period;             ///< [items], kNever
  std::vector<std::vector<std::uint32_t>> in;  ///< [periods] new items
};

Appearance appearance(const Periods& periods, std::size_t items) {
  Appearance out{std::vector<std::size_t>(items, kNever), std::vector<std::vector<std::uint32_t>>(periods.size())};
  for (std::size_t p = 0; p < periods.size(); ++p)
    for (std::size_t i = periods.begins[p]; i < periods.begins[p + 1]; ++i)
      if (auto& first = out.period[periods.outcomes[i].item]; first == kNever) {
        first = p;
        out.in[p].push_back(periods.outcomes[i].item);
      }
  return out;
}

}  // namespace

std::string_view name_of(PeriodLength length) noexcept { return length == PeriodLength::day ? "day" : "week"; }

Result<PeriodLength> parse_period(std::string_view word) {
  if (word == "day") return PeriodLength::day;
  if (word == "week") return PeriodLength::week;
  return invalid("\"" + std::string(word.substr(0, 40)) + "\" is no period: day or week");
}

Result<Periods> cut_periods(std::span<const Outcome> outcomes, const PeriodOptions& options) {
  if (!(options.validation_from > 0 && options.validation_from < options.test_from && options.test_from < 1))
    return invalid("the shares of outcomes before validation and before the test must rise between 0 and 1");
  Periods out;
  if (outcomes.empty()) return invalid("there are no outcomes");
  const std::int64_t first = midnight(outcomes[0].time_ms), length = options.length == PeriodLength::day ? kDayMs : 7 * kDayMs;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const std::int64_t start = first + (outcomes[i].time_ms - first) / length * length;
    if (out.starts_ms.empty() || start != out.starts_ms.back()) {
      out.starts_ms.push_back(start);
      out.begins.push_back(i);
    }
  }
  out.outcomes.assign(outcomes.begin(), outcomes.end());
  const std::size_t validation = period_from(out, options.validation_from), test = period_from(out, options.test_from);
  out.begins.push_back(outcomes.size());
  const bool tests = options.judged == JudgedPart::test;
  out.first_judged = tests ? test : validation;
  const std::size_t end = tests ? out.size() : test;
  if (out.first_judged == 0 || out.first_judged >= end)
    return invalid("the outcomes fill " + std::to_string(out.size()) + " periods, of which none is left to " +
                   (out.first_judged == 0 ? "learn from" : "judge") + ": take days in place of weeks, or other shares");
  out.starts_ms.resize(end);
  out.begins.resize(end + 1);
  out.outcomes.resize(out.begins[end]);
  return out;
}

void sample_negatives(Periods& periods, std::size_t items, std::size_t per_positive, std::uint64_t seed) {
  const Appearance seen = appearance(periods, items);
  std::vector<std::uint32_t> earlier;
  std::vector<Outcome> all;
  std::vector<std::size_t> begins;
  Rng rng(seed);
  for (std::size_t p = 0; p < periods.size(); ++p) {
    begins.push_back(all.size());
    const auto here = std::span(periods.outcomes).subspan(periods.begins[p], periods.begins[p + 1] - periods.begins[p]);
    std::set<std::pair<std::uint32_t, std::uint32_t>> taken;
    for (const Outcome& o : here)
      if (o.positive) taken.emplace(o.user, o.item);
    for (const Outcome& outcome : here) {
      all.push_back(outcome);
      if (!outcome.positive) continue;
      const auto& from = seen.period[outcome.item] == p ? seen.in[p] : earlier;
      for (std::size_t k = 0; k < per_positive && !from.empty(); ++k)
        for (int draw = 0; draw < kDraws; ++draw) {
          const std::uint32_t item = from[rng.below(from.size())];
          if (taken.contains({outcome.user, item})) continue;
          all.push_back({outcome.user, item, outcome.time_ms, false, true});
          break;
        }
    }
    earlier.insert(earlier.end(), seen.in[p].begin(), seen.in[p].end());
  }
  begins.push_back(all.size());
  periods.outcomes = std::move(all);
  periods.begins = std::move(begins);
}

std::vector<std::uint32_t> counts_before(const Periods& periods, std::size_t items) {
  std::vector<std::uint32_t> counts(items, 0), out(periods.outcomes.size());
  for (std::size_t p = 0; p < periods.size(); ++p) {
    for (std::size_t i = periods.begins[p]; i < periods.begins[p + 1]; ++i) out[i] = counts[periods.outcomes[i].item];
    for (std::size_t i = periods.begins[p]; i < periods.begins[p + 1]; ++i)
      if (!periods.outcomes[i].sampled) ++counts[periods.outcomes[i].item];
  }
  return out;
}

}  // namespace penchant::evaluate
