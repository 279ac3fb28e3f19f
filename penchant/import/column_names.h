#pragma once
/// \file Which names people give to which columns. Internal to import.
#include <optional>
#include <string>
#include <string_view>

namespace penchant::import {

enum class Field : std::uint8_t {
  ignore,
  user,
  item,
  time,
  value,
  type,
  position,
  days,
  title,
  available,
  key,
  recommendation,
  query,
  attribute,       ///< of the item (items, events) or user (users)
  user_attribute,  ///< of the user, in an events file
  vector
};

/// Field that a column name means, and how well: 0 is the best name of its field.
struct NameMatch {
  Field field;
  int rank;
};
[[nodiscard]] std::optional<NameMatch> match_name(std::string_view column);
[[nodiscard]] bool is_known_column(std::string_view column);

/// Lower case, letters and digits only ("User-ID" -> "userid").
[[nodiscard]] std::string squeeze(std::string_view column);

/// Names whose cells hold several values ("genres", "tags"), of things that belong to an order and
/// not to an item ("invoiceno"), and of item facts that may vary from row to row ("price").
[[nodiscard]] bool names_a_list(std::string_view column);
[[nodiscard]] bool names_an_order(std::string_view column);
[[nodiscard]] bool names_an_item_fact(std::string_view column);

[[nodiscard]] const char* name_of(Field field) noexcept;
[[nodiscard]] std::optional<Field> field_of(std::string_view name);

}  // namespace penchant::import
