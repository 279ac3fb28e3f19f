#pragma once
/// \file Matrix products of training, the same bytes on any number of threads. Layer 3.
#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"

namespace penchant::semantic_id {

/// m^T, [cols, rows].
[[nodiscard]] Matrix<float> transposed(MatrixView<const float> m);
/// a b^T + bias, [n, m]: rows of `a` in blocks of a fixed size, each on one thread.
/// \param a [n, k]; b [m, k]; bias [m] or empty
[[nodiscard]] Matrix<float> multiply_transposed(MatrixView<const float> a, MatrixView<const float> b,
                                                std::span<const float> bias, Executor& executor);

}  // namespace penchant::semantic_id
