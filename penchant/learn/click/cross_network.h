#pragma once
/// \file Cross layers and a ReLU network side by side, in training. Layer 5.
#include <cstdint>
#include <vector>

#include "penchant/semantic_id/learned/mlp_trainer.h"

namespace penchant::learn {

/// DCN-v2 in parallel (Wang et al. 2021): x_{k+1} = x_0 * (W_k x_k + b_k) + x_k, element by element;
/// out = w x_K + b + deep(x_0). The same calls give the same bytes. Threads: one call at a time.
class CrossNetwork {
 public:
  /// \param inputs width of x_0; hidden widths of the deep part, may be empty
  CrossNetwork(std::size_t inputs, std::size_t cross_layers, std::span<const std::size_t> hidden, Rng& rng);
  /// [n]; keeps what backward() needs. \param x [n, inputs], lives until backward()
  std::vector<float> forward(MatrixView<const float> x, Executor& executor);
  /// From the gradient at the last forward()'s output, [n], to that at x_0, [n, inputs]; the weights'
  /// gradients wait for step().
  Matrix<float> backward(std::span<const float> gradient, Executor& executor);
  void step(const kernels::AdamW& how, Executor& executor);

 private:
  std::vector<semantic_id::MlpTrainer> cross_;  ///< one layer each, [inputs, inputs]
  semantic_id::MlpTrainer head_, deep_;
  MatrixView<const float> x0_;
  std::vector<Matrix<float>> values_;  ///< W_k x_k + b_k
};

}  // namespace penchant::learn
