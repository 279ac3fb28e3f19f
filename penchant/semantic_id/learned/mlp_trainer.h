#pragma once
/// \file Dense layers with max(0, y) between them, in training: backpropagation and AdamW. Layer 3.
#include <span>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/rng.h"
#include "penchant/kernels/adamw.h"
#include "penchant/semantic_id/content_encoder.h"

namespace penchant::semantic_id {

/// A network that learns. The same calls give the same bytes on any number of threads.
/// Threads: one call at a time.
class MlpTrainer {
 public:
  /// Weights drawn uniformly (Glorot, Bengio 2010), biases zero. \param widths [layers + 1], inputs first
  MlpTrainer(std::span<const std::size_t> widths, Rng& rng);
  /// [rows, outputs]; keeps what backward() needs. Lives until the next call.
  MatrixView<const float> forward(MatrixView<const float> x, Executor& executor);
  /// From the gradient of a loss at the last forward()'s output to those of the weights, which wait for
  /// step(), and to that at the input, [rows, inputs]; empty where it is not wanted.
  /// \param gradient [rows, outputs]
  Matrix<float> backward(MatrixView<const float> gradient, Executor& executor, bool want_input = true);
  /// Weights decay, biases do not.
  void step(const kernels::AdamW& how, Executor& executor);
  [[nodiscard]] const std::vector<DenseLayer>& layers() const noexcept { return layers_; }
  /// Of the last backward(), as layers().
  [[nodiscard]] const std::vector<DenseLayer>& gradients() const noexcept { return gradients_; }

 private:
  std::vector<DenseLayer> layers_, gradients_, mean_, square_;
  std::vector<Matrix<float>> values_;  ///< [layers + 1]: the input, then every layer's output
  std::uint64_t steps_ = 0;
};

}  // namespace penchant::semantic_id
