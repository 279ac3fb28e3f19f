#pragma once
/// \file What a set of recommended lists looks like beside its accuracy. Layer 2.
/// Pure functions; threads: safe from any thread. Item rows are numbers below `items`.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/matrix_view.h"

namespace penchant::metrics {

/// Share of the catalogue that appears in at least one list.
/// \param recommended rows of all lists one after the other; rows >= items are not counted
/// \return 0 when items = 0
[[nodiscard]] double coverage(std::span<const std::uint32_t> recommended, std::size_t items);

/// Mean of `popularity` over one list (events per item, or any other weight); 0 for an empty list.
/// \param popularity [items]; rows beyond it count as 0
[[nodiscard]] double mean_popularity(std::span<const std::uint32_t> list,
                                     std::span<const std::uint32_t> popularity);

/// Gini coefficient of how often each item was recommended: 0 = all equally, near 1 = few take all.
/// \param counts [items], >= 0; 0 for an empty or all-zero span
[[nodiscard]] double gini(std::span<const std::uint32_t> counts);

/// Mean over all pairs of one list of 1 - cosine of the item vectors; 0 for fewer than two items.
/// A zero vector has cosine 0 with everything.
/// \param vectors [items, d]; every row of `list` below vectors.rows()
[[nodiscard]] double intra_list_diversity(std::span<const std::uint32_t> list,
                                          MatrixView<const float> vectors);

/// The same in one pass over the list, for vectors of length one or zero (within 1e-6 where they are):
/// the squared length of their sum holds all cosines. \param sum scratch
[[nodiscard]] double unit_list_diversity(std::span<const std::uint32_t> list, MatrixView<const float> vectors,
                                         std::vector<float>& sum);

/// Bits of surprise in seeing each item: -log2 of its share of all events; an item without events
/// counts as if it had one. \return [counts]; zeros when there are no events at all
[[nodiscard]] std::vector<float> self_information(std::span<const std::uint32_t> counts);

}  // namespace penchant::metrics
