#pragma once
/// \file Dropout without a mask: what is kept follows from a key. Layer 1.
#include <cstddef>
#include <cstdint>
#include <span>

namespace penchant::kernels {

/// Decides what one dropout keeps. Same rate, seed and element: same answer, on every machine and SIMD level.
struct DropoutKey {
  std::int32_t threshold = 0;  ///< of 2^24 draws so many are dropped
  float grown = 1;             ///< what kept elements are multiplied by: 1 / (1 - rate)
  std::uint32_t low = 0, high = 0;

  /// \param rate [0, 1)
  static DropoutKey of(double rate, std::uint64_t seed);
  [[nodiscard]] bool drops() const noexcept { return threshold > 0; }
};

/// out[i] = x[i] / (1 - rate) or 0; out may be x. The gradient of the same key is the same call. n < 2^32.
void dropout(std::span<const float> x, const DropoutKey& key, std::span<float> out);

}  // namespace penchant::kernels
