#pragma once
/// \file What the towers are made from: clusters, neighbours, histories. Private to penchant/learn/torch.
#include <span>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/rng.h"
#include "penchant/learn/torch/tower_network.h"
#include "penchant/learn/training_data.h"

namespace penchant::learn {

/// Centres, scales and clusters every modality, in order of names. Means and k-means read only items with a
/// training event, so that an item held out of training moves no centroid.
Result<std::vector<TowerModality>> tower_modalities(const TrainingData& data, const TowerOptions& options,
                                                    Executor& executor);

/// The items of each user, each once, newest last.
struct UserItems {
  std::vector<std::uint64_t> offsets{0};  ///< [users + 1]
  std::vector<std::uint32_t> items;
  [[nodiscard]] std::span<const std::uint32_t> of(std::size_t user) const {
    return std::span(items).subspan(offsets[user], offsets[user + 1] - offsets[user]);
  }
};
[[nodiscard]] UserItems distinct_items(const Histories& histories);

/// Neighbours by the cosine of co-occurrence; of the users of an item those with the shortest history.
[[nodiscard]] Neighbours graph_neighbours(const UserItems& users, std::uint32_t items, const TowerOptions& options);

/// The newest `options.history` items of every listed user, evenly weighted.
[[nodiscard]] Bags newest_bags(const UserItems& users, std::span<const std::uint32_t> rows, std::size_t history);

/// Of pairs (user, item): a random part of the user's other items.
struct Pair {
  std::uint32_t user = 0, item = 0;
};
[[nodiscard]] Bags training_bags(const UserItems& users, std::span<const Pair> pairs, const TowerOptions& options,
                                 Rng& rng);

}  // namespace penchant::learn
