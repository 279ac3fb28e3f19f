#include "penchant/learn/attribute_values.h"

#include <algorithm>
#include <limits>
#include <variant>

namespace penchant::learn {

void AttributeValues::add(const catalog::Attributes& attributes) {
  auto& row = rows_.emplace_back();
  const auto put = [&](const std::string& name, const std::string& value) {
    const auto [at, is_new] = numbers_.try_emplace(name + '=' + value, static_cast<std::uint32_t>(counts_.size()));
    if (is_new) counts_.push_back(0);
    if (std::ranges::find(row, at->second) != row.end()) return;
    row.push_back(at->second);
    ++counts_[at->second];
  };
  for (const auto& [name, value] : attributes) {
    if (const auto* text = std::get_if<std::string>(&value)) put(name, *text);
    if (const auto* flag = std::get_if<bool>(&value)) put(name, *flag ? "true" : "false");
    if (const auto* list = std::get_if<std::vector<std::string>>(&value))
      for (const auto& one : *list) put(name, one);
  }
}

std::uint32_t AttributeValues::choose() {
  constexpr std::uint32_t kLeftOut = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint32_t> kept;
  for (std::uint32_t v = 0; v < counts_.size(); ++v)
    if (counts_[v] >= kFewest && counts_[v] <= rows_.size() / 2) kept.push_back(v);
  std::ranges::stable_sort(kept, std::ranges::greater(), [&](std::uint32_t v) { return counts_[v]; });
  if (kept.size() > kMost) kept.resize(kMost);
  std::vector<std::uint32_t> place(counts_.size(), kLeftOut);
  for (std::uint32_t k = 0; k < kept.size(); ++k) place[kept[k]] = k;
  for (auto& row : rows_) {
    for (auto& value : row) value = place[value];
    std::erase(row, kLeftOut);
    std::ranges::sort(row);
  }
  return static_cast<std::uint32_t>(kept.size());
}

}  // namespace penchant::learn
