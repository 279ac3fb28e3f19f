#pragma once
/// \file Item attributes in columns, for filters that are answered in microseconds. Layer 2.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/bitmap.h"
#include "penchant/base/result.h"
#include "penchant/catalog/filter.h"
#include "penchant/catalog/ids.h"
#include "penchant/catalog/item.h"

namespace penchant::catalog {

/// One dictionary-coded column per attribute: [rows] of 4 B, plus 4 B per list element; a filter
/// is decided once per distinct value and then read off the column.
/// Threads: const calls are safe together; append and replace need the index alone.
class AttributeIndex {
 public:
  AttributeIndex();
  ~AttributeIndex();
  AttributeIndex(AttributeIndex&&) noexcept;
  AttributeIndex& operator=(AttributeIndex&&) noexcept;

  /// Adds the next row. \return invalid_argument unless index(id) == rows()
  Status append(ItemId id, const Item& item);
  /// Puts a new record in an existing row. \return not_found for a row that is not there
  Status replace(ItemId id, const Item& item);
  [[nodiscard]] std::size_t rows() const noexcept;
  /// Attribute names seen so far (also of replaced records), sorted, with id, title, available.
  [[nodiscard]] std::vector<std::string> names() const;

  /// Bit r is set where row r matches; [rows()]. `available` is not implied.
  /// \param user        attributes of the asking user; null: none
  /// \param unresolved  receives the `user.x` that the user does not have (those comparisons are false)
  /// \return invalid_argument, with the column and near names, on an attribute no item ever had
  [[nodiscard]] Result<Bitmap> evaluate(const Filter& filter, const Attributes* user = nullptr,
                                        std::vector<std::string>* unresolved = nullptr) const;
  /// Bytes held, approximately.
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penchant::catalog
