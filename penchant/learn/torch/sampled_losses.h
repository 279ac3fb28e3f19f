#pragma once
/// \file Losses over a target and sampled items. Private to penchant/learn/torch.
#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "penchant/learn/options.h"

namespace penchant::learn {

/// Draws item rows in proportion to (training events)^power, by the alias method (Vose 1991).
class NegativeSampler {
 public:
  /// \param counts [n] training events; an item without events counts as one when power > 0
  NegativeSampler(const std::vector<std::int32_t>& counts, double power);
  /// int64 [rows, cols], from LibTorch's generator.
  [[nodiscard]] torch::Tensor draw(std::int64_t rows, std::int64_t cols) const;
  /// f32 [n], log of the probability of one draw.
  [[nodiscard]] const torch::Tensor& log_probability() const noexcept { return log_probability_; }

 private:
  torch::Tensor keep_, other_, log_probability_;  ///< alias table: [n] each
};

/// Mean over positions of one of the sampled losses of architecture.h. Positions are cut into groups
/// that share their negatives (one position per group for Loss::bce), so that the logits are a matrix
/// product; a negative that is the target of a position does not count there.
/// \param users [p, d]; \param items [n, d]; \param bias [n] or undefined; \param targets int64 [p]
[[nodiscard]] torch::Tensor sampled_loss(const torch::Tensor& users, const torch::Tensor& items,
                                         const torch::Tensor& bias, const torch::Tensor& targets,
                                         const NegativeSampler& sampler, const TrainOptions& options);

/// Where the biases of a loss on single logits begin: at the logit of an item that is no likelier than the others, so that
/// training starts with telling items apart (the prior of Lin et al. 2017). 0 for losses that compare logits.
[[nodiscard]] double starting_bias(const TrainOptions& options, std::int64_t items);

}  // namespace penchant::learn
