#pragma once
/// \file One step of AdamW in one pass over the weights. Layer 1.
#include <cstdint>
#include <span>

#include "penchant/base/executor.h"

namespace penchant::kernels {

/// AdamW (Loshchilov and Hutter 2019).
struct AdamW {
  double learning_rate = 1e-3;
  double weight_decay = 0;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
};

/// Moves `values` by the `step`-th gradient (from 1), multiplied by `gradient_scale` first; `mean` and `square` are the
/// moments, zero before the first step. All [n]. Same input: same bits, whatever the threads.
void adamw_step(std::span<float> values, std::span<const float> gradients, std::span<float> mean, std::span<float> square,
                const AdamW& how, std::uint64_t step, double gradient_scale, Executor& executor);

/// Sum of squares in double, [n].
[[nodiscard]] double sum_of_squares(std::span<const float> x);

}  // namespace penchant::kernels
