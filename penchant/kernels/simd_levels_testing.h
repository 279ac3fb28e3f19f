#pragma once
/// \file For tests: runs a check at every SIMD level that this CPU has, with random data.
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "hwy/targets.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/rng.h"

namespace penchant::kernels::testing {

/// Sizes around the lane counts 4, 8 and 16 and their multiples.
inline constexpr std::array<std::size_t, 13> kSizes = {1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 384};
inline constexpr double kUnit = 0x1.0p-24;  ///< half an ulp of 1: largest relative rounding error

/// Error bound of a sum of n products in any order: gamma_n = n u / (1 - n u) (Higham 2002, 3.1).
inline double gamma(std::size_t n) {
  const double nu = static_cast<double>(n) * kUnit;
  return nu / (1 - nu);
}

/// Calls check() once for each level, from the lowest; the level is in the trace of a failure.
/// Levels the kernels were not compiled for fall to the next lower one.
template <class Check>
void at_every_simd_level(const Check& check) {
  const auto supported = hwy::SupportedTargets();
  for (auto left = supported; left != 0; left &= left - 1) {
    const auto level = left & -left;
    SCOPED_TRACE(std::string("SIMD level ") + hwy::TargetName(level));
    // Dispatch takes the best of the given set: the level, and the baseline that is always built.
    hwy::SetSupportedTargetsForTest(level | HWY_EMU128);
    check();
  }
  hwy::SetSupportedTargetsForTest(0);
}

inline std::vector<float> random_vector(Rng& rng, std::size_t n, double scale = 1) {
  std::vector<float> v(n);
  for (auto& x : v) x = static_cast<float>((rng.uniform() * 2 - 1) * scale);
  return v;
}
inline Matrix<float> random_matrix(Rng& rng, std::size_t rows, std::size_t cols, double scale = 1) {
  return {random_vector(rng, rows * cols, scale), rows, cols};
}

}  // namespace penchant::kernels::testing
