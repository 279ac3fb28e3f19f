#include "penchant/catalog/cold_items.h"

#include <algorithm>
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

std::string_view name_of(ColdBy by) noexcept { return by == ColdBy::random ? "random" : "first-seen"; }

Result<ColdBy> parse_cold_by(std::string_view word) {
  for (const ColdBy by : {ColdBy::random, ColdBy::first_seen})
    if (word == name_of(by)) return by;
  return invalid("cold items by \"" + std::string(word) + "\" are not known: use random or first-seen");
}

std::vector<std::uint8_t> newest_items(std::span<const std::int64_t> first_ms, double share) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < first_ms.size(); ++i)
    if (first_ms[i] != kNeverSeen) order.push_back(i);
  std::ranges::sort(order, [&](auto a, auto b) { return first_ms[a] != first_ms[b] ? first_ms[a] > first_ms[b] : a > b; });
  const auto wanted = static_cast<std::size_t>(std::llround(share * static_cast<double>(order.size())));
  order.resize(std::min(std::max<std::size_t>(wanted, 1), order.size()));
  std::vector<std::uint8_t> marked(first_ms.size(), 0);
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
