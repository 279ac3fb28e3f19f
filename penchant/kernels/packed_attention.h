#pragma once
/// \file Attention of training: many histories lie one after another in one matrix, none padded. Layer 1.
#include <cstddef>
#include <cstdint>
#include <span>

#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"

namespace penchant::kernels {

/// Which rows see which, and how. Views: they live as long as the arrays.
struct PackedAttention {
  std::span<const std::int64_t> offsets;  ///< [s + 1]: history s holds rows [offsets[s], offsets[s + 1]); from 0, ascending
  std::size_t heads = 1;
  bool causal = true;                     ///< a row sees itself and what is before it in its history; false: all of its history
  /// Rotary positions, [at least the longest history, head_dim / 2]: pair (j, j + head_dim / 2) of the queries and keys
  /// of a history's row p turns by the angle with these cosines and sines. Empty: no rotation.
  MatrixView<const float> cosines = {}, sines = {};
  double dropout = 0;                     ///< share of the attention weights set to 0, [0, 1); the others grow by 1 / (1 - share)
  std::uint64_t seed = 0;                 ///< decides which; the gradient needs the same one
};

/// out = softmax(q k^T / sqrt(head_dim)) v for each head and history.
/// \param projected [t, 3 d], queries, keys and values of a row side by side, heads contiguous
/// \param out [t, d], overwritten \param log_sums [t * heads], overwritten: log of the softmax's sums, which the
/// gradient needs; the weights themselves are not kept (Dao et al. 2022)
/// Same input: same bits, whatever the threads. Throws InternalError on sizes that do not fit together.
void packed_attention(const PackedAttention& attention, MatrixView<const float> projected, MatrixView<float> out,
                      std::span<float> log_sums, Executor& executor);

/// Gradient of the above: d_projected [t, 3 d], overwritten, from d_out [t, d] and what the forward pass read and wrote.
void packed_attention_gradient(const PackedAttention& attention, MatrixView<const float> projected,
                               MatrixView<const float> out, std::span<const float> log_sums, MatrixView<const float> d_out,
                               MatrixView<float> d_projected, Executor& executor);

}  // namespace penchant::kernels
