#pragma once
/// \file How one attribute element compares with one value of a filter. Internal to catalog.
#include <optional>
#include <string>
#include <vector>

#include "penchant/catalog/filter.h"

namespace penchant::catalog {

/// An element or a literal, ready to compare.
struct Operand {
  enum class Kind : std::uint8_t { number, flag, text };
  Kind kind = Kind::text;
  std::string folded;  ///< case-folded text form
  double number = 0;   ///< value of a number, or of a text that reads as one; else NaN

  static Operand of(double value);
  static Operand of(bool value);
  static Operand of(std::string_view value);
};

/// `element op literal` for one element; op is equal, less, …, or contains (in counts as equal).
[[nodiscard]] bool holds(FilterOp op, const Operand& element, const Operand& literal);

/// Elements of an attribute: one, or those of the list.
void append_operands(const AttributeValue& value, std::vector<Operand>& out);

/// Literals of a leaf with `user.x` replaced by the user's values; nullopt when one is missing
/// (its name goes to `unresolved` if given).
std::optional<std::vector<Operand>> resolve(const FilterNode& leaf, const Attributes* user,
                                            std::vector<std::string>* unresolved);

}  // namespace penchant::catalog
