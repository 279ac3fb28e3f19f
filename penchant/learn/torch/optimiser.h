#pragma once
/// \file AdamW over a network's table of weights. Private to penchant/learn/torch.
#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/kernels/adamw.h"
#include "penchant/learn/torch/ranks.h"

namespace penchant::learn {

/// Moments beside the weights; one pass over memory for a step (kernels/adamw.h). Weights are f32 leaf tensors, whose
/// memory is moved in place.
class Optimiser {
 public:
  /// \param weights of the class of Network::Weight: `value`, and `decays` where weight decay applies
  template <class Weights>
  Optimiser(const Weights& weights, const kernels::AdamW& how) : how_(how) {
    for (const auto& w : weights) add(w.value, w.decays);
  }
  void zero_grad();
  /// Sums the gradients of all ranks, and `loss`; a weight has a gradient where one rank has.
  void join(Ranks& ranks, double& loss);
  /// Norm of all gradients; not finite where one is not.
  [[nodiscard]] double gradient_norm() const;
  /// Moves every weight that has a gradient, at this learning rate, by its gradient times `scale`.
  void step(double learning_rate, double scale, Executor& executor);

  /// Entries "moment.<i>" and "square.<i>" and "steps" of a checkpoint.
  void save(torch::serialize::OutputArchive& archive) const;
  /// Throws c10::Error or std::exception when the archive lacks one or its shape is another.
  void load(torch::serialize::InputArchive& archive);

 private:
  struct Slot {
    torch::Tensor value, moment, square;
    bool decays;
  };
  void add(const torch::Tensor& value, bool decays);
  kernels::AdamW how_;
  std::vector<Slot> slots_;
  std::int64_t steps_ = 0;
};

}  // namespace penchant::learn
