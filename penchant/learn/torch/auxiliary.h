#pragma once
/// \file Losses beside the next item, from the same user states: what will be done with it, how long until then, which
/// attributes it has. They shape the states in training and are not part of a release (Netflix's foundation model, 2025).
/// Private to penchant/learn/torch.
#include <torch/torch.h>

#include <vector>

#include "penchant/learn/options.h"
#include "penchant/learn/torch/network.h"
#include "penchant/learn/training_data.h"
#include "penchant/learn/windows.h"

namespace penchant::learn {

/// Threads: one call at a time.
class AuxiliaryHeads {
 public:
  /// Heads of the losses that `options` weighs; none otherwise. Random weights from LibTorch's generator.
  AuxiliaryHeads(const TrainingData& data, const TrainOptions& options);
  /// Weighted sum of the losses, each a mean over positions. \param states [positions, d] of `batch`
  /// \return scalar; undefined where there is no head
  [[nodiscard]] torch::Tensor loss(const torch::Tensor& states, const Batch& batch) const;
  [[nodiscard]] const std::vector<Network::Weight>& weights() const noexcept { return weights_; }

 private:
  struct Head {
    double weight = 0;  ///< 0: off
    Linear linear;
  };
  Head head(const char* name, double weight, std::int64_t outputs, std::int64_t dim);

  std::vector<Network::Weight> weights_;
  Head action_, gap_, attributes_;
  torch::Tensor attributes_of_;  ///< [items, values], rows sum to 1; or 0 where an item has none
};

/// What a target of each action counts for: its strength to the power `engagement`, 1 on average over the training
/// targets. \return [actions]
[[nodiscard]] std::vector<float> counted_strengths(const TrainingData& data, double engagement);

}  // namespace penchant::learn
