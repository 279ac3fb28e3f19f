#pragma once
/// \file The filter expression: which items may be shown. Layer 2.
///
///     genre IN ("comedy", "drama") AND year >= 2010 AND NOT (price > 20 OR title CONTAINS "x")
///     price < user.budget
///
/// Operators, loosest first: OR, AND, NOT, then `=` `!=` `<` `<=` `>` `>=` `IN (…)` `NOT IN (…)`
/// `CONTAINS` `EXISTS`; parentheses group. Keywords in any case; `==` and `<>` are read as `=` and
/// `!=`; `EXISTS name` is read as `name EXISTS`. Texts stand in double or single quotes, a backslash
/// takes the next character as it is. Attribute names are letters, digits, `_`, `.` and `-` (not
/// first), or anything in `backticks`. On the right may stand `user.<attribute>` of the asking user.
///
/// Meaning. Every item has the attributes of its record and `id`, `title`, `available`.
/// - A list attribute matches when any of its elements does.
/// - `=` and IN compare texts without regard to case; a number is compared as a number, also when
///   the item holds it as text ("1995"). `<` and its kin compare numbers, or two texts by their
///   folded bytes (so ISO dates work).
/// - CONTAINS: the text holds the given text, without regard to case.
/// - `a != x` is exactly NOT (a = x), and NOT IN exactly NOT (… IN …): items without the attribute
///   pass. Every other comparison fails for an item without the attribute.
/// - `user.x` that the user does not have: the comparison is false for every item, and the name is
///   handed back as unresolved, so that a caller can say so.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "penchant/base/result.h"
#include "penchant/catalog/item.h"

namespace penchant::catalog {

inline constexpr std::size_t kMaxFilterBytes = 16 * 1024;
inline constexpr std::size_t kMaxFilterDepth = 32;
inline constexpr std::size_t kMaxFilterNodes = 1024;
inline constexpr std::size_t kMaxFilterValues = 1000;  ///< in one IN list

/// `user.<name>` on the right side.
struct UserAttribute {
  std::string name;
};
using FilterValue = std::variant<double, bool, std::string, UserAttribute>;

enum class FilterOp : std::uint8_t {
  all_of,
  any_of,
  negation,  ///< inner nodes
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  in,
  not_in,
  contains,
  exists  ///< leaves
};

struct FilterNode {
  FilterOp op = FilterOp::all_of;
  std::vector<FilterNode> children;  ///< inner nodes; negation has one; an empty all_of matches all
  std::string attribute;             ///< leaves
  std::size_t column = 0;            ///< leaves: 1-based character of the attribute in the text
  std::vector<FilterValue> values;   ///< leaves: one, or the list of IN; none for exists
};

/// A parsed filter. Immutable; cheap to move. Threads: const calls are safe together.
class Filter {
 public:
  /// Matches every item.
  Filter() = default;
  /// Empty or blank text matches every item.
  /// \return invalid_argument, naming the column and what was expected
  static Result<Filter> parse(std::string_view text);
  /// Normal form: one spelling per meaning of layout, keywords and quotes; parses to an equal tree.
  [[nodiscard]] std::string to_string() const;
  /// Item attributes that are read, sorted, each once.
  [[nodiscard]] std::vector<std::string> attributes() const;
  /// User attributes that are read, sorted, each once.
  [[nodiscard]] std::vector<std::string> user_attributes() const;
  [[nodiscard]] bool matches_all() const noexcept {
    return root_.op == FilterOp::all_of && root_.children.empty();
  }
  [[nodiscard]] const FilterNode& root() const noexcept { return root_; }
  /// Slow and plain evaluation of one item; `user` may be null. Unknown attributes are "missing".
  [[nodiscard]] bool matches(const Item& item, const Attributes* user = nullptr) const;

 private:
  FilterNode root_;
};

}  // namespace penchant::catalog
