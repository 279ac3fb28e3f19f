#pragma once
/// \file Item vectors against query vectors: the scoring that all embedding baselines share. Layer 6.
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/matrix_view.h"
#include "penchant/kernels/linear.h"

namespace penchant::evaluate {

/// Immutable item vectors, packed for many queries in one call. Threads: score() is safe from many.
class ItemVectors {
 public:
  ItemVectors() = default;
  /// \param vectors [items, d] and \param bias [items] or empty are copied
  /// \param usable [items]: 0 = the item has no vector and scores -infinity; empty = all have one
  ItemVectors(MatrixView<const float> vectors, std::span<const float> bias,
              std::span<const std::uint8_t> usable);
  /// out[q, i] = <queries[q], vector[i]> + bias[i]; \param queries [q, d] \param out [q, items]
  void score(MatrixView<const float> queries, MatrixView<float> out) const;

 private:
  kernels::PackedLinear packed_;
  std::vector<std::uint32_t> unusable_;
};

}  // namespace penchant::evaluate
