#pragma once
/// \file Draws of items and of normal values, the same for a seed. Layer 6.
#include <cmath>
#include <cstdint>
#include <numbers>
#include <span>
#include <vector>

#include "penchant/base/rng.h"

namespace penchant::evaluate {

/// Draws an index in proportion to its weight in O(1) (Walker 1977, Vose 1991). Memory: 8 B per index.
/// Threads: const calls are safe together.
class AliasTable {
 public:
  AliasTable() = default;
  /// \param weights [n], at least one positive, none negative, all finite
  explicit AliasTable(std::span<const double> weights);
  [[nodiscard]] std::uint32_t draw(Rng& rng) const {
    const auto slot = static_cast<std::uint32_t>(rng.below(keep_.size()));
    return rng.uniform() < keep_[slot] ? slot : other_[slot];
  }

 private:
  std::vector<float> keep_;           ///< [n] probability of staying at the slot
  std::vector<std::uint32_t> other_;  ///< [n]
};

/// Fills `values` from N(0, deviation^2).
inline void fill_normal(std::span<float> values, double deviation, Rng& rng) {
  for (float& value : values) {
    const double radius = std::sqrt(-2 * std::log(1 - rng.uniform()));
    value = static_cast<float>(deviation * radius * std::cos(2 * std::numbers::pi * rng.uniform()));
  }
}

}  // namespace penchant::evaluate
