#include "penchant/evaluate/baselines/history.h"

#include <algorithm>

namespace penchant::evaluate {
namespace {
constexpr double kSmallestWeight = 1e-6;
constexpr std::size_t kShort = 64;  ///< up to this many distinct items a scan finds repeats fastest
}  // namespace

void weigh_history(std::span<const Interaction> history, double decay, std::vector<WeightedItem>& out) {
  out.clear();
  double weight = 1;
  for (std::size_t age = 0; age < history.size() && weight >= kSmallestWeight; ++age, weight *= decay) {
    const auto item = history[history.size() - 1 - age].item;
    if (out.size() > kShort || std::ranges::find(out, item, &WeightedItem::item) == out.end())
      out.push_back({item, static_cast<float>(weight)});
  }
  if (out.size() <= kShort) return;
  // Long: keep the newest of each item by sorting, then restore the order by weight.
  std::vector<std::uint32_t> order(out.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(
      order, [&](auto a, auto b) { return out[a].item != out[b].item ? out[a].item < out[b].item : a < b; });
  const auto last =
      std::unique(order.begin(), order.end(), [&](auto a, auto b) { return out[a].item == out[b].item; });
  order.erase(last, order.end());
  std::ranges::sort(order);
  for (std::size_t i = 0; i < order.size(); ++i) out[i] = out[order[i]];
  out.resize(order.size());
}

std::vector<std::vector<std::uint32_t>> distinct_items(std::span<const std::span<const Interaction>> users) {
  std::vector<std::vector<std::uint32_t>> items_of(users.size());
  for (std::size_t u = 0; u < users.size(); ++u) {
    auto& mine = items_of[u];
    for (const auto& event : users[u]) mine.push_back(event.item);
    std::ranges::sort(mine);
    mine.erase(std::unique(mine.begin(), mine.end()), mine.end());
  }
  return items_of;
}

std::vector<std::vector<std::uint32_t>> users_of_items(
    std::span<const std::vector<std::uint32_t>> items_of_users, std::size_t items) {
  std::vector<std::vector<std::uint32_t>> users_of(items);
  for (std::size_t u = 0; u < items_of_users.size(); ++u)
    for (const auto item : items_of_users[u]) users_of[item].push_back(static_cast<std::uint32_t>(u));
  return users_of;
}

}  // namespace penchant::evaluate
