#pragma once
/// \file The vectors of one release in the coordinates of another, so that they keep their meaning across
/// retrains. Layer 5.
#include <cstddef>
#include <span>

#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"

namespace penchant::recommend {

/// A turn of space, learned from things that both releases have a vector of. Dot products, lengths and angles
/// stay as they are, so whatever a release scores by its own vectors is untouched (orthogonal embedding
/// stabilisation, arXiv:2508.07574; orthogonal Procrustes problem, Schönemann 1966). A plain value; threads:
/// const access is safe.
struct Alignment {
  Matrix<double> rotation;   ///< [d, d], orthogonal; R v is v in the coordinates of the other release
  std::size_t shared = 0;    ///< rows that it was learned from
  double cosine_before = 0;  ///< mean cosine between the two vectors of a shared thing as they are, …
  double cosine = 0;         ///< … and after the turn; 1: the releases differ by a turn alone
};

/// The R that minimises the sum of |R v_i - y_i|^2, rows taken at length 1, so that no row speaks louder than
/// another. O(n d^2 + d^3). The same bytes on any number of threads.
/// \param from v, [n, d]; to y, [n, d]; row i of both is the same thing; a zero row in either is left out
/// \return invalid_argument when sizes differ or fewer than d rows are shared: these leave directions open
Result<Alignment> fit_alignment(MatrixView<const float> from, MatrixView<const float> to, Executor& executor);

/// R v for every row, [n, d]. \param rows [n, d]
[[nodiscard]] Matrix<float> aligned(const Alignment& alignment, MatrixView<const float> rows, Executor& executor);

}  // namespace penchant::recommend
