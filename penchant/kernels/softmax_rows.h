#pragma once
/// \file The element-wise passes of softmax_loss.h, one SIMD level each. Private to kernels/. Layer 1.
#include <cstddef>
#include <cstdint>

#include "penchant/kernels/vectors.h"

namespace penchant::kernels {

/// A bfloat16 as its bits.
using BFloat16 = std::uint16_t;
/// Rounds to nearest even; finite input.
[[nodiscard]] BFloat16 to_bf16(float value) noexcept;

/// x += bias (null: nothing), both [n]; returns the largest x.
float add_and_max(float* x, const float* bias, std::size_t n);
/// out = exp(x - shift) rounded to the type of out; returns the sum of the unrounded values. [n]
float exp_shifted(const float* x, float shift, float* out, std::size_t n);
float exp_shifted(const float* x, float shift, BFloat16* out, std::size_t n);
/// y += a * x, [n].
inline void add_scaled(float* y, float a, const float* x, std::size_t n) { add_scaled({y, n}, a, {x, n}); }
void add_scaled(float* y, float a, const BFloat16* x, std::size_t n);
/// out = a * x rounded to the type of out, [n].
void scale_to(const float* x, float a, float* out, std::size_t n);
void scale_to(const float* x, float a, BFloat16* out, std::size_t n);

}  // namespace penchant::kernels
