#pragma once
/// \file Losses of the two heads. Private to penchant/learn/torch.
#include <torch/torch.h>

#include <cstdint>
#include <vector>

namespace penchant::learn {

struct DenseLossOptions {
  double label_smoothing = 0;
  std::int64_t chunk = 512;  ///< rows whose logits exist at one time
};

/// Mean over positions of the cross-entropy of softmax(users * items^T + bias) against the mixture
/// (1 - s) * sum_k weights[:, k] * onehot(targets[:, k]) + s / n. No [positions, n] tensor is kept:
/// gradients are made chunk by chunk in the forward pass.
/// \param users [p, d]; \param items [n, d]; \param bias [n]; \param targets int64 [p, k];
/// \param weights [p, k], rows sum to 1. \return scalar
[[nodiscard]] torch::Tensor dense_loss(const torch::Tensor& users, const torch::Tensor& items,
                                       const torch::Tensor& bias, const torch::Tensor& targets,
                                       const torch::Tensor& weights, const DenseLossOptions& options = {});

/// Mean over positions of the summed cross-entropy of all levels.
/// \param logits [L] of [p, K]; \param codes int64 [p, L]. \return scalar
[[nodiscard]] torch::Tensor code_loss(const std::vector<torch::Tensor>& logits, const torch::Tensor& codes,
                                      double label_smoothing = 0);

}  // namespace penchant::learn
