#pragma once
/// \file Where targets stand in a full ranking, and what that is worth. Layer 2.
/// With one target Recall@K = HR@K and NDCG@K needs no ideal list; at_k() judges several together.
/// Pure functions; threads: safe from any thread.
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace penchant::metrics {

/// Rank of a target that cannot be recommended (removed by the seen filter, unknown to the model).
inline constexpr std::uint32_t kNoRank = std::numeric_limits<std::uint32_t>::max();

/// Pessimistic rank, 1-based: how many candidates score at least as much as the target, the target
/// included. A NaN score counts as the lowest possible one.
/// \param scores [items]; \param target row below scores.size(), else kNoRank
[[nodiscard]] std::uint32_t pessimistic_rank(std::span<const float> scores, std::size_t target);

/// The same when the rows in `removed` (any order, distinct) are no candidates; kNoRank when the
/// target is one of them.
[[nodiscard]] std::uint32_t pessimistic_rank(std::span<const float> scores, std::size_t target,
                                             std::span<const std::uint32_t> removed);

/// 1 when rank <= k, else 0.
[[nodiscard]] double recall_at(std::uint32_t rank, std::size_t k) noexcept;
/// 1 / log2(1 + rank) when rank <= k, else 0.
[[nodiscard]] double ndcg_at(std::uint32_t rank, std::size_t k) noexcept;
/// 1 / rank when rank <= k, else 0.
[[nodiscard]] double mrr_at(std::uint32_t rank, std::size_t k) noexcept;

/// One list judged by several relevant items, gains 1.
struct AtK {
  double recall = 0;  ///< share of the relevant items among the first k
  double ndcg = 0;    ///< DCG of the first k over that of a list with nothing irrelevant before min(n, k)
  double mrr = 0;     ///< 1 / rank of the first relevant item, 0 beyond k
};
/// \param ranks [n], n >= 1, the rank of each relevant item in the same list; of one item the same as
/// the functions above
[[nodiscard]] AtK at_k(std::span<const std::uint32_t> ranks, std::size_t k) noexcept;

}  // namespace penchant::metrics
