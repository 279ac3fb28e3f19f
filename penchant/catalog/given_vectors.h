#pragma once
/// \file The content vectors that items carry, gathered row by row into one matrix per kind. Layer 2.
#include <cstddef>
#include <map>
#include <string>

#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"
#include "penchant/catalog/item.h"

namespace penchant::catalog {

/// Kinds of vectors ("text", "visual", …) that one catalogue may carry.
inline constexpr std::size_t kMaxVectorKinds = 16;

/// Threads: one at a time.
class GivenVectors {
 public:
  /// Takes the vectors of the next item row.
  /// \return invalid_argument for too many kinds, or naming the item whose vector has another length
  Status add(const Item& item);
  /// kind -> [items added, dim], a zero row = missing. Leaves the collector empty.
  [[nodiscard]] std::map<std::string, Matrix<float>> take();

 private:
  std::map<std::string, Matrix<float>> kinds_;  ///< [rows up to the last that has one, dim]
  std::size_t rows_ = 0;
};

}  // namespace penchant::catalog
