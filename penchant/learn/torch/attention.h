#pragma once
/// \file Attention over packed histories as a function with a gradient. Private to penchant/learn/torch.
#include <torch/torch.h>

#include <cstdint>

#include "penchant/base/executor.h"

namespace penchant::learn {

struct AttentionOptions {
  std::int64_t heads = 1;
  bool causal = true;               ///< false: every event sees its whole history
  torch::Tensor cosines, sines;     ///< [at least the longest history, head_dim / 2]; undefined: no rotary positions
  double dropout = 0;               ///< on the attention weights, [0, 1)
};

/// Multi-head attention of each history over itself: [t, 3 d] queries, keys and values -> [t, d].
/// \param offsets int64 [s + 1]: history s holds rows [offsets[s], offsets[s + 1])
/// float32 runs through kernels/packed_attention.h, with a hand-written gradient and random bits of a seed drawn from
/// LibTorch's CPU generator; other precisions serve gradient checks: the definition, without dropout.
[[nodiscard]] torch::Tensor attention(const torch::Tensor& projected, const torch::Tensor& offsets,
                                      const AttentionOptions& options, Executor& executor);

}  // namespace penchant::learn
