#include "penchant/evaluate/baselines.h"

#include <algorithm>
#include <cmath>

namespace penchant::evaluate {

Status Popularity::fit(const TrainingData& training, Executor&) {
  const auto counts = training.item_counts();
  counts_.assign(counts.begin(), counts.end());
  return {};
}

Status Popularity::score(const Query&, MatrixView<float> out) const {
  std::ranges::copy(counts_, out.row(0).begin());
  return {};
}

Status ItemKnn::fit(const TrainingData& training, Executor& executor) {
  const std::size_t items = training.items;
  // Distinct items of each user, and the users of each item.
  std::vector<std::vector<std::uint32_t>> items_of(training.users.size()), users_of(items);
  for (std::size_t u = 0; u < training.users.size(); ++u) {
    auto& mine = items_of[u];
    for (const auto& event : training.users[u]) mine.push_back(event.item);
    std::ranges::sort(mine);
    mine.erase(std::unique(mine.begin(), mine.end()), mine.end());
    for (const auto item : mine) users_of[item].push_back(static_cast<std::uint32_t>(u));
  }
  neighbours_.assign(items, {});
  similarity_.assign(items, {});
  executor.parallel_for(items, 16, [&](std::size_t begin, std::size_t end) {
    std::vector<std::uint32_t> shared(items, 0), touched;
    for (std::size_t i = begin; i < end; ++i) {
      touched.clear();
      for (const auto user : users_of[i])
        for (const auto item : items_of[user])
          if (shared[item]++ == 0) touched.push_back(item);
      std::ranges::sort(touched);
      for (const auto item : touched) {
        const double norm =
            std::sqrt(static_cast<double>(users_of[i].size()) * static_cast<double>(users_of[item].size()));
        if (item != i) {
          neighbours_[i].push_back(item);
          similarity_[i].push_back(static_cast<float>(shared[item] / norm));
        }
        shared[item] = 0;
      }
    }
  });
  return {};
}

Status ItemKnn::score(const Query& query, MatrixView<float> out) const {
  const auto scores = out.row(0);
  std::ranges::fill(scores, 0.0f);
  double weight = 1;
  const std::size_t reach = std::min(query.history.size(), kHistoryReach);
  for (std::size_t age = 0; age < reach; ++age, weight *= kAgeDecay) {
    const auto item = query.history[query.history.size() - 1 - age].item;
    const auto& neighbours = neighbours_[item];
    const auto& similarity = similarity_[item];
    const float scale = static_cast<float>(weight);
    for (std::size_t n = 0; n < neighbours.size(); ++n) scores[neighbours[n]] += scale * similarity[n];
  }
  return {};
}

Status Transitions::fit(const TrainingData& training, Executor&) {
  std::vector<std::uint32_t> items;
  std::vector<std::uint64_t> offsets{0};
  for (const auto sequence : training.users) {
    for (const auto& event : sequence) items.push_back(event.item);
    offsets.push_back(items.size());
  }
  model_ = retrieve::TransitionModel::build({.items = items, .offsets = offsets}, training.items);
  return {};
}

Status Transitions::score(const Query& query, MatrixView<float> out) const {
  std::vector<catalog::ItemId> history;
  history.reserve(query.history.size());
  for (const auto& event : query.history) history.push_back(catalog::ItemId{event.item});
  model_.score(history, out.row(0));
  return {};
}

std::span<const std::string_view> baseline_names() noexcept {
  static constexpr std::string_view kNames[] = {"popularity", "item-knn", "transitions"};
  return kNames;
}

std::unique_ptr<Model> make_baseline(std::string_view name) {
  if (name == "popularity") return std::make_unique<Popularity>();
  if (name == "item-knn") return std::make_unique<ItemKnn>();
  if (name == "transitions") return std::make_unique<Transitions>();
  return nullptr;
}

}  // namespace penchant::evaluate
