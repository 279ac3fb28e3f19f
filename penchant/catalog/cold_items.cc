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
