#pragma once
/// \file Matrices of random numbers, for tests. Layer 0.
#include <cstdint>

#include "penchant/base/matrix_view.h"
#include "penchant/base/rng.h"

namespace penchant {

/// [rows, cols], uniform in [-0.5, 0.5); the same seed gives the same numbers.
inline Matrix<float> random_matrix(std::size_t rows, std::size_t cols, std::uint64_t seed) {
  Rng rng(seed);
  Matrix<float> m(rows, cols);
  for (auto& v : m.values()) v = static_cast<float>(rng.uniform() - 0.5);
  return m;
}

}  // namespace penchant
