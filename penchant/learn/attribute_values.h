#pragma once
/// \file Attribute values that many items share, numbered: what an auxiliary loss can ask of the next item. Layer 5.
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "penchant/catalog/item.h"

namespace penchant::learn {

/// Collects flags, texts and lists of texts of item after item; numbers and free text say nothing here.
class AttributeValues {
 public:
  static constexpr std::size_t kMost = 256;    ///< values kept, the most frequent ones
  static constexpr std::uint32_t kFewest = 10; ///< items that must share a value

  void add(const catalog::Attributes& attributes);
  /// Values kept: shared by kFewest items and by half of the items at most. \return their number
  std::uint32_t choose();
  /// Rows of the kept values of each item, ascending; after choose().
  [[nodiscard]] const std::vector<std::vector<std::uint32_t>>& rows() const noexcept { return rows_; }

 private:
  std::map<std::string, std::uint32_t> numbers_;  ///< "name=value" -> row
  std::vector<std::uint32_t> counts_;             ///< items of each
  std::vector<std::vector<std::uint32_t>> rows_;  ///< [items]
};

}  // namespace penchant::learn
