#pragma once
/// \file The content vectors that items carry, gathered row by row into one matrix per kind. Layer 2.
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"
#include "penchant/catalog/item.h"

namespace penchant::catalog {

/// Kinds of vectors ("text", "visual", …) that one catalogue may carry.
inline constexpr std::size_t kMaxVectorKinds = 16;

/// One item with a vector of another length must not keep a catalogue from being learned: of each kind
/// the length that most items have counts (of equals the one that came first), the others are missing.
/// Threads: one at a time.
class GivenVectors {
 public:
  /// Takes the vectors of the next item row. \return invalid_argument for too many kinds
  Status add(const Item& item);
  /// kind -> [items added, dim], a zero row = missing. Leaves the collector empty.
  [[nodiscard]] std::map<std::string, Matrix<float>> take();
  /// What the last take() left out, a sentence a kind that names the first such item.
  [[nodiscard]] const std::vector<std::string>& left_out() const noexcept { return left_out_; }

 private:
  struct OfLength {
    std::size_t dim = 0;
    std::vector<std::uint32_t> rows;
    std::vector<float> values;  ///< [rows, dim]
    std::string first;          ///< item
  };
  std::map<std::string, std::vector<OfLength>> kinds_;
  std::vector<std::string> left_out_;
  std::size_t rows_ = 0;
};

}  // namespace penchant::catalog
