#pragma once
/// \file One pre-norm transformer block, in two halves around the attention. Layer 2, inner.
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "penchant/nn/weights.h"

namespace penchant::nn {

/// Working memory of one call; sized by the first block that uses it.
struct BlockScratch {
  Matrix<float> normed;       ///< [rows, d]
  Matrix<float> qkv;          ///< [rows, 3d]: query, key, value
  Matrix<float> mixed;        ///< [rows, d]: what attention gives
  Matrix<float> inner;        ///< [rows, ffn]
  std::vector<float> logits;  ///< of one query
};

/// Immutable. Threads: const calls are safe together, each with its own scratch.
class TransformerBlock {
 public:
  /// Reads `<prefix>.norm1`, `.attn.qkv`, `.attn.out`, `.norm2`, `.ffn.up`, `.ffn.down`.
  static Result<TransformerBlock> load(const artifact::SafeTensors& tensors, const std::string& prefix,
                                       const artifact::ModelShape& shape);
  /// scratch.qkv = qkv(norm1(x)), x [rows, d].
  void project(MatrixView<const float> x, BlockScratch& scratch) const;
  /// x += out(scratch.mixed); x += down(gelu(up(norm2(x)))); x [rows, d], mixed [rows, d].
  void finish(MatrixView<float> x, BlockScratch& scratch) const;

 private:
  Norm norm1_, norm2_;
  kernels::PackedLinear qkv_, out_, up_, down_;
};

}  // namespace penchant::nn
