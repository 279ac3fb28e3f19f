#pragma once
/// \file What a ranking is worth to a query with graded judgments. Layer 6. Pure functions.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "penchant/evaluate/search/judgments.h"

namespace penchant::evaluate {

/// Which items compete: the whole catalogue, or (since an unjudged item is unknown, not bad) only
/// those that somebody judged for this query.
enum class Judged : std::uint8_t { full, only };

struct SearchGains {
  double relevant = 2;    ///< grades from here on count for MRR and Recall
  double zero_grade = 0;  ///< gain of grade g: 2^max(g - zero_grade, 0) - 1
  [[nodiscard]] double gain(double grade) const noexcept;
};

inline constexpr std::array<std::string_view, 4> kSearchMetrics{"ndcg@10", "mrr@10", "recall@10", "recall@100"};

/// Places of the judged items, 1-based, in the order of `judged`; 0 = not in the list at all. Items of
/// equal score stand in the worst order: unjudged ones first, then by rising gain, then as given. An
/// item that scores -infinity or NaN is not in the list of all items, and last among the judged ones
/// (the question there is the order of known pairs).
/// \param scores [items]
[[nodiscard]] std::vector<std::uint32_t> search_ranks(std::span<const float> scores,
                                                      std::span<const Graded> judged, Judged candidates);

/// Values in the order of kSearchMetrics. NDCG: gains over log2(1 + place) within ten places, divided by
/// the same for the best order of all judged items (0 where none has a gain). MRR: 1 / place of the
/// first relevant item within ten. Recall: relevant items within k / all relevant ones.
/// \param ranks as from search_ranks, [judged]
[[nodiscard]] std::array<double, 4> search_values(std::span<const std::uint32_t> ranks,
                                                  std::span<const Graded> judged, const SearchGains& gains);

}  // namespace penchant::evaluate
