#include "penchant/evaluate/baselines/counting.h"

#include <algorithm>
#include <cmath>

namespace penchant::evaluate {

Status Popularity::fit(const FitInput& input, Executor&, const ProgressSink&) {
  const auto counts = input.training.item_counts();
  counts_.assign(counts.begin(), counts.end());
  return {};
}

Status Popularity::score(std::span<const Query> queries, MatrixView<float> out) const {
  for (std::size_t q = 0; q < queries.size(); ++q) std::ranges::copy(counts_, out.row(q).begin());
  return {};
}

Status ItemKnn::fit(const FitInput& input, Executor& executor, const ProgressSink&) {
  const TrainingData& training = input.training;
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

Status ItemKnn::score(std::span<const Query> queries, MatrixView<float> out) const {
  for (std::size_t q = 0; q < queries.size(); ++q) {
    const auto scores = out.row(q);
    const auto history = queries[q].history;
    std::ranges::fill(scores, 0.0f);
    double weight = 1;
    const std::size_t reach = std::min(history.size(), kHistoryReach);
    for (std::size_t age = 0; age < reach; ++age, weight *= kAgeDecay) {
      const auto item = history[history.size() - 1 - age].item;
      const auto& neighbours = neighbours_[item];
      const auto& similarity = similarity_[item];
      const float scale = static_cast<float>(weight);
      for (std::size_t n = 0; n < neighbours.size(); ++n) scores[neighbours[n]] += scale * similarity[n];
    }
  }
  return {};
}

Status Transitions::fit(const FitInput& input, Executor&, const ProgressSink&) {
  const TrainingData& training = input.training;
  std::vector<std::uint32_t> items;
  std::vector<std::uint64_t> offsets{0};
  for (const auto sequence : training.users) {
    for (const auto& event : sequence) items.push_back(event.item);
    offsets.push_back(items.size());
  }
  model_ = retrieve::TransitionModel::build({.items = items, .offsets = offsets}, training.items);
  return {};
}

Status Transitions::score(std::span<const Query> queries, MatrixView<float> out) const {
  std::vector<catalog::ItemId> history;
  for (std::size_t q = 0; q < queries.size(); ++q) {
    history.clear();
    for (const auto& event : queries[q].history) history.push_back(catalog::ItemId{event.item});
    model_.score(history, out.row(q));
  }
  return {};
}

}  // namespace penchant::evaluate
