#pragma once
/// \file Losses of the two heads. Private to penchant/learn/torch.
#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "penchant/base/executor.h"

namespace penchant::learn {

/// Mean over positions of W = sum_k weights[:, k] times the cross-entropy of softmax(users * items^T + bias) against the
/// mixture (1 - s) * sum_k weights[:, k] / W * onehot(targets[:, k]) + s / n. In float32 no [positions, n] tensor
/// is kept: kernels/softmax_loss.h makes the gradients in the forward pass.
/// \param users [p, d]; \param items [n, d]; \param bias [n] or undefined; \param targets int64 [p, k];
/// \param weights [p, k]. \return scalar
[[nodiscard]] torch::Tensor dense_loss(const torch::Tensor& users, const torch::Tensor& items,
                                       const torch::Tensor& bias, const torch::Tensor& targets,
                                       const torch::Tensor& weights, double label_smoothing, Executor& executor);

/// What is known of the codes along some paths before the generator says anything; [L] of [rows, K] each.
struct CodeSteps {
  std::vector<torch::Tensor> ahead;   ///< lookahead of the codes that follow; 0 of the others
  std::vector<torch::Tensor> never;   ///< 0 of the codes that follow; very low of the others
  std::vector<torch::Tensor> wanted;  ///< probabilities by the dense head; 0 of the others
};

/// Mean over rows of the Kullback-Leibler divergence, summed over levels, from `wanted` to
/// softmax(logits + look * ahead + never). \param logits [L] of [rows, K]; \param look [L]. \return scalar
[[nodiscard]] torch::Tensor generator_loss(const std::vector<torch::Tensor>& logits, const torch::Tensor& look, const CodeSteps& steps);

}  // namespace penchant::learn
