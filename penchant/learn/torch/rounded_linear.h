#pragma once
/// \file The product of constant rows with a learned matrix, in bfloat16. Private to penchant/learn/torch.
#include <torch/torch.h>

namespace penchant::learn {

/// x W^T + b with both factors, and the gradient that comes back, rounded to bfloat16; sums and results in float32. For
/// inputs that stay the same all through a training: their gradient is not made, and oneDNN compiles one kernel.
/// \param x bfloat16 [n, in]; \param weight f32 [out, in]; \param bias f32 [out]
[[nodiscard]] torch::Tensor rounded_linear(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias);

}  // namespace penchant::learn
