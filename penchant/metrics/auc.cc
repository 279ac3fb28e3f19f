#include "penchant/metrics/auc.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "penchant/base/matrix_view.h"
#include "penchant/base/rng.h"

namespace penchant::metrics {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double lowest_if_nan(float score) noexcept {
  return std::isnan(score) ? -std::numeric_limits<double>::infinity() : score;
}

double mean_auc(const std::vector<RankedOutcomes>& rankings, std::span<const std::uint16_t> drawn) {
  double sum = 0;
  for (const auto& ranking : rankings) sum += drawn.empty() ? ranking.auc() : ranking.auc(drawn);
  return sum / static_cast<double>(rankings.size());
}

}  // namespace

RankedOutcomes::RankedOutcomes(std::span<const float> scores, std::span<const std::uint8_t> positive,
                               std::span<const std::uint32_t> users)
    : entries_(scores.size()) {
  PENCHANT_CHECK(positive.size() == scores.size() && users.size() == scores.size(), "one score per outcome");
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return lowest_if_nan(scores[i]); });
  for (std::size_t at = 0; at < order.size(); ++at) {
    const std::size_t i = order[at];
    const bool last = at + 1 == order.size();
    entries_[at] = {users[i], positive[i] != 0, last || lowest_if_nan(scores[order[at + 1]]) > lowest_if_nan(scores[i])};
  }
}

template <class Weight>
double RankedOutcomes::area(const Weight& weight) const {
  double below = 0, positives = 0, won = 0;  // negatives so far; positives so far; pairs that are in order
  double tied_positive = 0, tied_negative = 0;
  for (const Entry& entry : entries_) {
    (entry.positive ? tied_positive : tied_negative) += weight(entry.user);
    if (!entry.ends) continue;
    won += tied_positive * (below + tied_negative / 2);
    below += tied_negative;
    positives += tied_positive;
    tied_positive = tied_negative = 0;
  }
  return below > 0 && positives > 0 ? won / (below * positives) : kNone;
}

double RankedOutcomes::auc() const {
  return area([](std::uint32_t) { return 1.0; });
}
double RankedOutcomes::auc(std::span<const std::uint16_t> drawn) const {
  return area([&](std::uint32_t user) { return static_cast<double>(drawn[user]); });
}

double auc(std::span<const float> scores, std::span<const std::uint8_t> positive) {
  return RankedOutcomes(scores, positive, std::vector<std::uint32_t>(scores.size(), 0)).auc();
}

AucEstimates estimate_auc(std::span<const std::vector<RankedOutcomes>> columns, std::size_t users,
                          std::span<const ColumnPair> pairs, const BootstrapOptions& options,
                          Executor& executor) {
  const std::size_t resamples = users == 0 ? 0 : options.resamples;
  Matrix<double> found(resamples, columns.size());
  executor.parallel_for(resamples, 1, [&](std::size_t begin, std::size_t end) {
    std::vector<std::uint16_t> drawn(users);
    for (std::size_t r = begin; r < end; ++r) {
      std::ranges::fill(drawn, std::uint16_t{0});
      Rng rng(options.seed * 0x9e3779b97f4a7c15ULL + r);
      for (std::size_t i = 0; i < users; ++i) ++drawn[rng.below(users)];
      for (std::size_t c = 0; c < columns.size(); ++c) found(r, c) = mean_auc(columns[c], drawn);
    }
  });
  std::vector<std::size_t> whole;
  for (std::size_t r = 0; r < resamples; ++r)
    if (std::ranges::all_of(found.row(r), [](double value) { return std::isfinite(value); })) whole.push_back(r);
  const auto estimate = [&](double value, const auto& of_resample) {
    std::vector<double> values;
    for (const std::size_t r : whole) values.push_back(of_resample(r));
    return interval_of(value, std::move(values), options.level);
  };
  AucEstimates out;
  for (std::size_t c = 0; c < columns.size(); ++c)
    out.columns.push_back(estimate(mean_auc(columns[c], {}), [&](std::size_t r) { return found(r, c); }));
  for (const auto& [a, b] : pairs)
    out.differences.push_back(estimate(out.columns[a].value - out.columns[b].value,
                                       [&, a = a, b = b](std::size_t r) { return found(r, a) - found(r, b); }));
  return out;
}

}  // namespace penchant::metrics
