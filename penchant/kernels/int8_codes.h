#pragma once
/// \file A float vector as 8-bit whole steps of one size. Layer 1.
#include <cstdint>
#include <span>

namespace penchant::kernels {

inline constexpr int kInt8Levels = 127;  ///< codes lie in [-kInt8Levels, kInt8Levels]

struct Int8Codes {
  double scale = 1;       ///< value of one step
  std::int32_t sum = 0;   ///< of all codes
  double error = 0;       ///< at least the L2 norm of v - scale * codes
};

/// Nearest codes of v [n] (finite), the step chosen so that the largest of |v[i]| and `least` is kInt8Levels steps.
/// \param out [n]
[[nodiscard]] Int8Codes encode_int8(std::span<const float> v, float least, std::span<std::int8_t> out);

}  // namespace penchant::kernels
