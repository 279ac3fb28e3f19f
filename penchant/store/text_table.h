#pragma once
/// \file Columns of text for a terminal. Internal to store.
#include <string>
#include <vector>

namespace penchant::store {

inline constexpr std::size_t kTableWidth = 100;

/// Pads columns to their widest cell, two spaces between; the last column is cut so that no line
/// passes kTableWidth. \param right  per column: right-aligned
[[nodiscard]] std::string text_table(const std::vector<std::vector<std::string>>& rows,
                                     const std::vector<bool>& right);

/// Characters of UTF-8, taken as one column each.
[[nodiscard]] std::size_t display_width(const std::string& text);

/// Breaks at spaces into lines of at most kTableWidth, later ones indented.
[[nodiscard]] std::string wrapped(std::string line, std::size_t indent);

}  // namespace penchant::store
