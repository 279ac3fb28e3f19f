#pragma once
/// \file Losses over the whole catalogue, of the two heads. Private to penchant/learn/torch.
#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "penchant/base/executor.h"

namespace penchant::learn {

/// Mean over positions of the cross-entropy of softmax(users * items^T + bias) against the mixture
/// (1 - s) * sum_k weights[:, k] * onehot(targets[:, k]) + s / n. In float32 no [positions, n] tensor
/// is kept: kernels/softmax_loss.h makes the gradients in the forward pass.
/// \param users [p, d]; \param items [n, d]; \param bias [n] or undefined; \param targets int64 [p, k];
/// \param weights [p, k], rows sum to 1. \return scalar
[[nodiscard]] torch::Tensor dense_loss(const torch::Tensor& users, const torch::Tensor& items,
                                       const torch::Tensor& bias, const torch::Tensor& targets,
                                       const torch::Tensor& weights, double label_smoothing, Executor& executor);

/// Mean over positions of the summed cross-entropy of all levels.
/// \param logits [L] of [p, K]; \param codes int64 [p, L]. \return scalar
[[nodiscard]] torch::Tensor code_loss(const std::vector<torch::Tensor>& logits, const torch::Tensor& codes,
                                      double label_smoothing = 0);

}  // namespace penchant::learn
