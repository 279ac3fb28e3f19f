#pragma once
/// \file Minimum-cost matching of rows to columns, exact and greedy. Layer 3.
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/matrix_view.h"

namespace penchant::semantic_id {

/// Column of every row so that the columns differ and the sum of costs is least (shortest
/// augmenting paths with potentials: Kuhn 1955, Jonker and Volgenant 1987; rows whose cheapest
/// column is free cost nothing to place). O(c * rows * cols) with c the rows whose cheapest column
/// is taken. Deterministic. Threads: no shared state.
/// \param cost [rows, cols] finite, rows <= cols
[[nodiscard]] std::vector<std::uint32_t> min_cost_assignment(MatrixView<const float> cost);

/// A cheap stand-in: takes (row, column) pairs by ascending cost - rowmin(cost), then row, then
/// column. Every row gets a different column. O(rows * cols * log(rows * cols)).
[[nodiscard]] std::vector<std::uint32_t> greedy_assignment(MatrixView<const float> cost);

}  // namespace penchant::semantic_id
