#include "penchant/metrics/ranking.h"

#include <algorithm>
#include <cmath>

namespace penchant::metrics {
namespace {

constexpr float kLowest = -std::numeric_limits<float>::infinity();

float ordered(float score) noexcept { return std::isnan(score) ? kLowest : score; }

}  // namespace

std::uint32_t pessimistic_rank(std::span<const float> scores, std::size_t target) {
  if (target >= scores.size()) return kNoRank;
  const float bar = ordered(scores[target]);
  if (bar == kLowest) return static_cast<std::uint32_t>(scores.size());
  std::uint32_t lane[4] = {0, 0, 0, 0};  // independent sums: this loop is most of an evaluation
  std::size_t i = 0;
  for (; i + 4 <= scores.size(); i += 4)
    for (std::size_t l = 0; l < 4; ++l) lane[l] += scores[i + l] >= bar ? 1u : 0u;  // false for NaN
  for (; i < scores.size(); ++i) lane[0] += scores[i] >= bar ? 1u : 0u;
  return lane[0] + lane[1] + lane[2] + lane[3];
}

std::uint32_t pessimistic_rank(std::span<const float> scores, std::size_t target,
                               std::span<const std::uint32_t> removed) {
  std::uint32_t rank = pessimistic_rank(scores, target);
  if (rank == kNoRank) return rank;
  const float bar = ordered(scores[target]);
  for (const std::uint32_t row : removed) {
    if (row == target) return kNoRank;
    if (row < scores.size() && ordered(scores[row]) >= bar) --rank;
  }
  return rank;
}

double recall_at(std::uint32_t rank, std::size_t k) noexcept { return rank <= k ? 1.0 : 0.0; }

double ndcg_at(std::uint32_t rank, std::size_t k) noexcept {
  return rank <= k ? 1.0 / std::log2(1.0 + static_cast<double>(rank)) : 0.0;
}

double mrr_at(std::uint32_t rank, std::size_t k) noexcept {
  return rank <= k ? 1.0 / static_cast<double>(rank) : 0.0;
}

AtK at_k(std::span<const std::uint32_t> ranks, std::size_t k) noexcept {
  AtK out;
  double ideal = 0;
  for (std::size_t place = 1; place <= std::min(ranks.size(), k); ++place)
    ideal += ndcg_at(static_cast<std::uint32_t>(place), k);
  for (const std::uint32_t rank : ranks) {
    out.recall += recall_at(rank, k) / static_cast<double>(ranks.size());
    out.ndcg += ndcg_at(rank, k) / ideal;
    out.mrr = std::max(out.mrr, mrr_at(rank, k));
  }
  return out;
}

}  // namespace penchant::metrics
