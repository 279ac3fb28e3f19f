#pragma once
/// \file Row-wise operations between the matrix products of a network. Layer 1.
/// SIMD level chosen at run time (Highway). Threads: pure functions; safe from any thread.
#include <span>

#include "penchant/base/matrix_view.h"

namespace penchant::kernels {

/// In place: row[i] = exp(row[i] - max) / sum. Values finite or -infinity, at least one finite.
void softmax(std::span<float> row);
/// In place: row[i] = row[i] - max - log(sum exp(row - max)); same domain as softmax.
void log_softmax(std::span<float> row);

/// log(sum exp(row[i])); same domain as softmax; -infinity where no value is finite.
[[nodiscard]] float log_sum_exp(std::span<const float> row);

/// Learned scale and shift of a layer norm; both [d]. Views: live as long as the weights.
struct NormWeights {
  std::span<const float> scale, shift;
  float epsilon = 1e-5F;
};
/// out.row(r) = (x.row(r) - mean) / sqrt(var + epsilon) * scale + shift, biased variance.
/// x, out [rows, d]; out may be x itself.
void layer_norm(MatrixView<const float> x, const NormWeights& weights, MatrixView<float> out);

/// In place: x = x / 2 * (1 + erf(x / sqrt(2))), the exact form of GELU; erf within 4e-7.
void gelu(std::span<float> x);

}  // namespace penchant::kernels
