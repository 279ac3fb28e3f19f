#include "penchant/evaluate/clicks/daily.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "penchant/base/rng.h"

namespace penchant::evaluate {

bool RunProgress::add(std::uint64_t outcomes) {
  const std::uint64_t done = done_ += outcomes;
  if (!sink_) return true;
  const std::scoped_lock lock(mutex_);
  if (!sink_({"click models", std::min(done, total_), total_, ""})) go_on_ = false;
  return go_on_;
}

void learn_daily(learn::ClickModel& model, const learn::ClickData& data, const Periods& periods, const DailyOptions& options,
                 std::span<float> scores, RunProgress& progress, Executor& executor) {
  const std::size_t first = periods.begins[periods.first_judged];
  Rng rng(options.seed + 77);
  for (std::size_t p = options.first; p < options.last; ++p) {
    const std::size_t begin = periods.begins[p], size = periods.begins[p + 1] - begin;
    std::vector<std::uint32_t> rows(size);
    std::iota(rows.begin(), rows.end(), static_cast<std::uint32_t>(begin));
    if (p >= periods.first_judged) model.score(data, rows, scores.subspan(begin - first, size), executor);
    for (std::size_t pass = 0; pass < options.passes && p + 1 < periods.size(); ++pass) {
      rng.shuffle(std::span(rows));
      model.learn(data, rows, executor);
    }
    if (!progress.add(size)) return;
  }
}

std::span<const Outcome> judged_outcomes(const Periods& periods) {
  return std::span(periods.outcomes).subspan(periods.begins[periods.first_judged]);
}

std::vector<std::uint32_t> dense_users(std::span<const Outcome> outcomes, std::size_t& users) {
  std::vector<std::uint32_t> number, out;
  users = 0;
  for (const Outcome& outcome : outcomes) {
    number.resize(std::max<std::size_t>(number.size(), outcome.user + 1), 0);
    if (number[outcome.user] == 0) number[outcome.user] = static_cast<std::uint32_t>(++users);
    out.push_back(number[outcome.user] - 1);
  }
  return out;
}

metrics::RankedOutcomes ranked(std::span<const Outcome> judged, std::span<const float> scores,
                               std::span<const std::uint32_t> users, std::span<const std::size_t> chosen) {
  std::vector<float> of_chosen;
  std::vector<std::uint8_t> positive;
  std::vector<std::uint32_t> who;
  for (const auto i : chosen) {
    of_chosen.push_back(scores[i]);
    positive.push_back(judged[i].positive ? 1 : 0);
    who.push_back(users[i]);
  }
  return {of_chosen, positive, who};
}

double auc_spread(const std::vector<metrics::RankedOutcomes>& rankings) {
  double mean = 0, squares = 0;
  const auto n = static_cast<double>(rankings.size());
  for (const auto& ranking : rankings) mean += ranking.auc() / n;
  for (const auto& ranking : rankings) squares += std::pow(ranking.auc() - mean, 2);
  return n > 1 ? std::sqrt(squares / (n - 1)) : 0;
}

}  // namespace penchant::evaluate
