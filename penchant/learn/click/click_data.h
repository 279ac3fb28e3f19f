#pragma once
/// \file Shown items and what came of them, as a click model reads them. Layer 5.
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/matrix_view.h"

namespace penchant::learn {

/// Places [first, last) of a list of items.
struct ItemRun {
  std::uint32_t first = 0, last = 0;
};

/// One row per shown item, in order of time. A plain value; threads: const access is safe.
struct ClickData {
  std::vector<std::uint32_t> items;     ///< [n] rows of the catalogue
  std::vector<std::uint8_t> positive;   ///< [n] 1: the outcome that is predicted
  std::vector<ItemRun> liked;           ///< [n] places of liked_items: the user's earlier positives
  std::vector<ItemRun> disliked;        ///< [n] places of disliked_items: the others
  std::vector<std::uint32_t> liked_items, disliked_items;  ///< user by user, oldest first
  Matrix<float> context;                ///< [n, c], c may be 0

  [[nodiscard]] std::size_t size() const noexcept { return items.size(); }
};

}  // namespace penchant::learn
