#pragma once
/// \file A small network in front of the codebooks: content vector in, vector to quantise out. Layer 3.
#include <cstddef>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"
#include "penchant/kernels/linear.h"

namespace penchant::semantic_id {

/// y = W x + b.
struct DenseLayer {
  Matrix<float> weight;     ///< [out, in]
  std::vector<float> bias;  ///< [out]
};

/// Dense layers with max(0, y) between them; the last output is brought to length one. A zero vector
/// (an item without content) stays zero. Immutable; threads: const calls are safe together.
class ContentEncoder {
 public:
  static constexpr std::size_t kMaxLayers = 8, kMaxWidth = 16384;

  /// \return invalid_argument naming the layer: 1..8 layers, each reading what the one before writes,
  /// at most 16384 outputs, every number finite
  static Result<ContentEncoder> create(std::vector<DenseLayer> layers);
  [[nodiscard]] std::size_t input_dim() const noexcept { return layers_.front().weight.cols(); }
  [[nodiscard]] std::size_t output_dim() const noexcept { return layers_.back().weight.rows(); }
  [[nodiscard]] const std::vector<DenseLayer>& layers() const noexcept { return layers_; }

  /// [n, output_dim]. A row gets the same bytes alone and among others, on any number of threads, so
  /// an item that comes later gets the codes it would have got in training.
  /// \param vectors [n, input_dim], finite, at most kMaxCoordinate in magnitude
  /// \return invalid_argument on other columns or naming the row of a bad number
  [[nodiscard]] Result<Matrix<float>> encode(MatrixView<const float> vectors, Executor& executor) const;

 private:
  ContentEncoder() = default;
  std::vector<DenseLayer> layers_;
  std::vector<kernels::PackedLinear> packed_;  ///< the same weights
};

}  // namespace penchant::semantic_id
