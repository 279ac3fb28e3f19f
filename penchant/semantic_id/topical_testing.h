#pragma once
/// \file Content vectors with something to find in them, for tests. Layer 3.
#include <cmath>
#include <cstdint>

#include "penchant/base/matrix_view.h"
#include "penchant/base/rng.h"

namespace penchant::semantic_id {

/// Rows around `topics` random directions, unit length.
inline Matrix<float> topical(std::size_t n, std::size_t dim, std::size_t topics, std::uint64_t seed) {
  Rng rng(seed);
  Matrix<float> centres(topics, dim), rows(n, dim);
  for (auto& v : centres.values()) v = static_cast<float>(rng.uniform() - 0.5);
  for (std::size_t i = 0; i < n; ++i) {
    double square = 0;
    for (std::size_t j = 0; j < dim; ++j) {
      rows(i, j) = centres(i % topics, j) + 0.3f * static_cast<float>(rng.uniform() - 0.5);
      square += double(rows(i, j)) * rows(i, j);
    }
    for (auto& v : rows.row(i)) v /= static_cast<float>(std::sqrt(square));
  }
  return rows;
}

}  // namespace penchant::semantic_id
