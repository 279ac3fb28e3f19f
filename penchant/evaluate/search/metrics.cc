#include "penchant/evaluate/search/metrics.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace penchant::evaluate {

double SearchGains::gain(double grade) const noexcept { return std::exp2(std::max(grade - zero_grade, 0.0)) - 1; }

std::vector<std::uint32_t> search_ranks(std::span<const float> scores, std::span<const Graded> judged,
                                        Judged candidates) {
  constexpr float kOut = -std::numeric_limits<float>::infinity();
  const auto score = [&](std::uint32_t j) {
    const float given = scores[judged[j].item];
    return std::isnan(given) ? kOut : given;
  };
  std::vector<std::uint32_t> order;  // judged items in the list, worst order among equal scores
  for (std::uint32_t j = 0; j < judged.size(); ++j)
    if (score(j) != kOut || candidates == Judged::only) order.push_back(j);
  std::ranges::sort(order, [&](std::uint32_t a, std::uint32_t b) {
    if (score(a) != score(b)) return score(a) > score(b);
    return judged[a].grade != judged[b].grade ? judged[a].grade < judged[b].grade : a < b;
  });
  std::vector<float> steps;  // distinct scores of judged items, falling
  for (const auto j : order)
    if (steps.empty() || score(j) < steps.back()) steps.push_back(score(j));
  std::vector<std::int64_t> unjudged(steps.size() + 1, 0);  // [s] catalogue items from steps[s] to steps[s - 1]
  if (candidates == Judged::full) {
    for (const float given : scores)
      if (!std::isnan(given)) ++unjudged[static_cast<std::size_t>(std::ranges::lower_bound(steps, given, std::greater<>()) - steps.begin())];
    // The judged items themselves were counted too: each at its own step.
    for (const auto j : order)
      --unjudged[static_cast<std::size_t>(std::ranges::lower_bound(steps, score(j), std::greater<>()) - steps.begin())];
  }
  std::vector<std::uint32_t> ranks(judged.size(), 0);
  std::int64_t above = 0;
  std::size_t step = 0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    for (; step < steps.size() && steps[step] >= score(order[k]); ++step) above += unjudged[step];
    ranks[order[k]] = static_cast<std::uint32_t>(above + static_cast<std::int64_t>(k) + 1);
  }
  return ranks;
}

std::array<double, 4> search_values(std::span<const std::uint32_t> ranks, std::span<const Graded> judged,
                                    const SearchGains& gains) {
  constexpr std::size_t kCut = 10;
  std::vector<double> best;
  double dcg = 0, mrr = 0, relevant = 0, in10 = 0, in100 = 0;
  for (std::size_t j = 0; j < judged.size(); ++j) {
    const double gain = gains.gain(judged[j].grade);
    const std::uint32_t rank = ranks[j];
    best.push_back(gain);
    if (rank >= 1 && rank <= kCut) dcg += gain / std::log2(1.0 + rank);
    if (judged[j].grade < gains.relevant) continue;
    ++relevant;
    if (rank == 0) continue;
    in10 += rank <= kCut ? 1 : 0;
    in100 += rank <= 100 ? 1 : 0;
    if (rank <= kCut) mrr = std::max(mrr, 1.0 / rank);
  }
  std::ranges::sort(best, std::greater<>());
  double ideal = 0;
  for (std::size_t k = 0; k < std::min(kCut, best.size()); ++k) ideal += best[k] / std::log2(2.0 + static_cast<double>(k));
  return {ideal > 0 ? dcg / ideal : 0, mrr, relevant > 0 ? in10 / relevant : 0, relevant > 0 ? in100 / relevant : 0};
}

}  // namespace penchant::evaluate
