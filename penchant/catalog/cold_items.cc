#include "penchant/catalog/cold_items.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>
#include <utility>

namespace penchant::catalog {
namespace {

/// FNV-1a over the id, then splitmix64 with the seed.
std::uint64_t hash(std::string_view id, std::uint64_t seed) noexcept {
  std::uint64_t h = 0xcbf29ce484222325ULL;
  for (const char c : id) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  h += (seed + 1) * 0x9e3779b97f4a7c15ULL;
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ULL;
  h = (h ^ (h >> 27)) * 0x94d049bb133111ebULL;
  return h ^ (h >> 31);
}

}  // namespace

std::string name_of(const ColdBy& by) {
  switch (by.kind) {
    case ColdBy::Kind::random: return "random";
    case ColdBy::Kind::first_seen: return "first-seen";
    case ColdBy::Kind::attribute: return by.attribute;
  }
  return "random";
}

Result<ColdBy> parse_cold_by(std::string_view word) {
  if (word.empty()) return invalid("cold items by what? use random, first-seen, or an attribute with numbers, such as year");
  for (const auto kind : {ColdBy::Kind::random, ColdBy::Kind::first_seen})
    if (word == name_of({kind, ""})) return ColdBy{kind, ""};
  return ColdBy{ColdBy::Kind::attribute, std::string(word)};
}

double cold_key(const Item& item, const std::string& attribute) {
  const auto found = item.attributes.find(attribute);
  if (found == item.attributes.end()) return kNoColdKey;
  if (const auto* number = std::get_if<double>(&found->second)) return *number;
  const auto* text = std::get_if<std::string>(&found->second);
  double value = 0;
  if (text == nullptr) return kNoColdKey;
  const auto read = std::from_chars(text->data(), text->data() + text->size(), value);
  return read.ec == std::errc() && read.ptr == text->data() + text->size() ? value : kNoColdKey;
}

Status check_cold_keys(std::span<const double> keys, const ColdBy& by) {
  if (std::ranges::any_of(keys, [](double key) { return !std::isnan(key); })) return {};
  return invalid("cold items by \"" + by.attribute + "\": no item has a number under that attribute; use random, first-seen, or one that "
                 "`penchant describe` lists with numbers");
}

std::vector<std::uint8_t> newest_items(std::span<const double> keys, double share) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (!std::isnan(keys[i])) order.push_back(i);
  std::ranges::sort(order, [&](auto a, auto b) { return keys[a] != keys[b] ? keys[a] > keys[b] : a > b; });
  const auto wanted = static_cast<std::size_t>(std::llround(share * static_cast<double>(order.size())));
  order.resize(std::min(std::max<std::size_t>(wanted, 1), order.size()));
  std::vector<std::uint8_t> marked(keys.size(), 0);
  for (const auto item : order) marked[item] = 1;
  return marked;
}

std::vector<std::uint8_t> draw_cold_items(std::span<const std::string> ids, double share, std::uint64_t seed) {
  std::vector<std::uint8_t> marked(ids.size(), 0);
  if (ids.empty()) return marked;
  std::vector<std::pair<std::uint64_t, std::size_t>> order;
  order.reserve(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) order.emplace_back(hash(ids[i], seed), i);
  const auto wanted = static_cast<std::size_t>(std::llround(share * static_cast<double>(ids.size())));
  const std::size_t count = std::clamp<std::size_t>(wanted, 1, ids.size());
  std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count - 1), order.end(),
                   [&](const auto& a, const auto& b) {
                     return a.first != b.first ? a.first < b.first : ids[a.second] < ids[b.second];
                   });
  for (std::size_t k = 0; k < count; ++k) marked[order[k].second] = 1;
  return marked;
}

}  // namespace penchant::catalog
