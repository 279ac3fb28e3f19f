#include "penchant/store/text_table.h"

#include <algorithm>

namespace penchant::store {
namespace {

constexpr std::size_t kWidestCell = 40;

/// The first `width` characters, "…" as the last where text was cut.
std::string fit(const std::string& text, std::size_t width) {
  if (display_width(text) <= width) return text;
  std::string out;
  std::size_t seen = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool starts = (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80;
    if (starts && ++seen >= width) break;
    out.push_back(text[i]);
  }
  return width == 0 ? std::string() : out + "…";
}

}  // namespace

std::size_t display_width(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string text_table(const std::vector<std::vector<std::string>>& rows, const std::vector<bool>& right) {
  std::vector<std::size_t> widths(right.size(), 0);
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size() && i + 1 < widths.size(); ++i)
      widths[i] = std::max(widths[i], std::min(display_width(row[i]), kWidestCell));
  std::size_t used = 0;
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) used += widths[i] + 2;
  if (!widths.empty()) {
    for (const auto& row : rows)
      if (row.size() == widths.size()) widths.back() = std::max(widths.back(), display_width(row.back()));
    widths.back() = std::min(widths.back(), used >= kTableWidth ? 0 : kTableWidth - used);
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i) {
      const std::string cell = fit(row[i], widths[i]);
      const std::string padding(widths[i] - std::min(widths[i], display_width(cell)), ' ');
      line += i == 0 ? "" : "  ";
      line += right[i] ? padding + cell : cell + padding;
    }
    while (line.ends_with(' ')) line.pop_back();
    out += line + "\n";
  }
  return out;
}

std::string wrapped(std::string line, std::size_t indent) {
  std::string out;
  while (display_width(line) > kTableWidth) {
    std::size_t at = line.rfind(' ', kTableWidth);
    if (at == std::string::npos || at <= indent) break;
    out.append(line, 0, at).append("\n");
    line = std::string(indent, ' ') + line.substr(at + 1);
  }
  return out + line + "\n";
}

}  // namespace penchant::store
