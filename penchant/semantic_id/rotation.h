#pragma once
/// \file Rotations for optimised product quantisation: where to start, and the best next one. Layer 3.
#include <cstddef>
#include <span>

#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"

namespace penchant::semantic_id {

/// An orthogonal matrix [x, x]; rotating a vector v gives R v. All results are the same bytes on any
/// number of threads. Threads: pure functions.
using Rotation = Matrix<double>;

/// The parametric start (Ge, He, Ke, Sun, CVPR 2013, section 3.2): the principal axes of the rows,
/// dealt to the subspaces in descending order of variance, each to the one with room whose product
/// of variances is the smallest. O(n x^2 + x^3).
/// \param rows [n, x], n >= 1, finite; widths [L], their sum is x
[[nodiscard]] Rotation principal_rotation(MatrixView<const float> rows, std::span<const std::size_t> widths,
                                          Executor& executor);

/// The R that minimises sum |R v_i - y_i|^2 (orthogonal Procrustes problem, Schönemann 1966): the
/// orthogonal polar factor of `product`. Where the rows leave R open, it stays at `previous`; so it
/// does as a whole where the factor cannot be computed to 1e-6. O(x^3).
/// \param product [x, x], sum over rows of y_i v_i^T
[[nodiscard]] Rotation procrustes_rotation(const Matrix<double>& product, const Rotation& previous,
                                           Executor& executor);

/// R v for every row, [n, x].
[[nodiscard]] Matrix<float> rotate(const Rotation& rotation, MatrixView<const float> rows,
                                   Executor& executor);

}  // namespace penchant::semantic_id
