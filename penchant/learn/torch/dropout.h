#pragma once
/// \file Dropout as a function with a gradient. Private to penchant/learn/torch.
#include <torch/torch.h>

namespace penchant::learn {

/// Sets activations to 0 with probability p while training and grows the others by 1 / (1 - p). What is kept follows from
/// a seed drawn from LibTorch's CPU generator: one pass over memory each way and no mask (kernels/dropout.h). float32.
[[nodiscard]] torch::Tensor drop(const torch::Tensor& x, double p, bool training);

/// A seed from LibTorch's CPU generator.
[[nodiscard]] std::int64_t drawn_seed();

}  // namespace penchant::learn
