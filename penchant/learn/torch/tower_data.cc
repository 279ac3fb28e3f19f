#include "penchant/learn/torch/tower_data.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_set>
#include <utility>

#include "penchant/kernels/vectors.h"
#include "penchant/learn/torch/tensors.h"
#include "penchant/semantic_id/kmeans.h"
#include "penchant/semantic_id/nearest.h"

namespace penchant::learn {

using torch::Tensor;

namespace {

Tensor rows_of(const std::vector<std::uint32_t>& values) {
  return tensor_of(std::vector<std::int64_t>(values.begin(), values.end()));
}

struct BagBuilder {
  std::vector<std::int64_t> rows, offsets;
  std::vector<float> weights;
  void begin() { offsets.push_back(static_cast<std::int64_t>(rows.size())); }
  /// Items from `first` on share the weight.
  void end() {
    const auto first = static_cast<std::size_t>(offsets.back());
    weights.resize(rows.size(), 1.0F / static_cast<float>(std::max<std::size_t>(rows.size() - first, 1)));
  }
  [[nodiscard]] Bags take() const { return {tensor_of(rows), tensor_of(offsets), tensor_of(weights)}; }
};

/// Lists of at most k rows per item as tensors [n, k].
std::pair<Tensor, Tensor> padded(const std::vector<std::vector<std::uint32_t>>& lists, std::size_t k) {
  std::vector<std::int64_t> rows(lists.size() * k, 0), has(lists.size() * k, 0);
  for (std::size_t i = 0; i < lists.size(); ++i)
    for (std::size_t j = 0; j < std::min(k, lists[i].size()); ++j) {
      rows[i * k + j] = lists[i][j];
      has[i * k + j] = 1;
    }
  const std::vector<std::int64_t> shape{static_cast<std::int64_t>(lists.size()), static_cast<std::int64_t>(k)};
  return {tensor_of(rows).view(shape), tensor_of(has).view(shape).to(torch::kBool)};
}

}  // namespace

Result<std::vector<TowerModality>> tower_modalities(const TrainingData& data, const TowerOptions& options,
                                                    Executor& executor) {
  std::vector<TowerModality> out;
  if (!options.content) return out;
  for (const Modality& m : data.modalities) {
    Matrix<float> x = m.vectors;
    kernels::l2_normalise_rows(x.view());
    const std::size_t n = x.rows(), dim = x.cols();
    std::vector<float> present(n, 0), mean(dim, 0);
    std::vector<std::size_t> learned;
    for (std::size_t i = 0; i < n; ++i) {
      present[i] = std::ranges::any_of(x.row(i), [](float v) { return v != 0; }) ? 1.0F : 0.0F;
      if (present[i] > 0 && data.train_count[i] > 0) learned.push_back(i);
    }
    for (const std::size_t i : learned) kernels::add_scaled(mean, 1.0F / static_cast<float>(learned.size()), x.row(i));
    for (std::size_t i = 0; i < n; ++i)
      if (present[i] > 0) {
        kernels::add_scaled(x.row(i), -1, mean);
        kernels::l2_normalise(x.row(i));
      }
    TowerModality modality{m.name, tensor_of(x), tensor_of(present).unsqueeze(1), tensor_of(mean), {}, {}};
    if (options.clusters > 0 && !learned.empty()) {
      Matrix<float> rows(learned.size(), dim);
      for (std::size_t r = 0; r < learned.size(); ++r) std::ranges::copy(x.row(learned[r]), rows.row(r).begin());
      const auto clusters = static_cast<std::uint32_t>(std::min<std::size_t>(options.clusters, learned.size()));
      auto fit = semantic_id::fit_kmeans(rows.view(), {.clusters = clusters, .seed = options.seed}, executor);
      if (!fit.ok()) return std::move(fit).error().within("modality " + m.name);
      std::vector<std::uint32_t> codes(n);
      std::vector<float> distances(n);
      semantic_id::CodewordTable(fit->centroids.view()).nearest(x.view(), codes, distances, executor);
      if (options.shuffled_clusters) {
        Rng rng(options.seed + 77);
        rng.shuffle(std::span(codes));
      }
      modality.centroids = tensor_of(fit->centroids);
      modality.cluster = rows_of(codes);
    }
    out.push_back(std::move(modality));
  }
  std::ranges::sort(out, {}, &TowerModality::name);  // as a reader of the file finds them
  return out;
}

UserItems distinct_items(const Histories& h) {
  UserItems out;
  std::unordered_set<std::uint32_t> known;
  std::vector<std::uint32_t> newest_first;
  for (std::size_t u = 0; u < h.users(); ++u) {
    known.clear();
    newest_first.clear();
    for (std::uint64_t e = h.offsets[u + 1]; e-- > h.offsets[u];)
      if (h.is_target[e] != 0 && known.insert(h.items[e]).second) newest_first.push_back(h.items[e]);
    out.items.insert(out.items.end(), newest_first.rbegin(), newest_first.rend());
    out.offsets.push_back(out.items.size());
  }
  return out;
}

Neighbours graph_neighbours(const UserItems& users, std::uint32_t items, const TowerOptions& options) {
  Neighbours out;
  if (options.neighbours == 0 || !options.ids) return out;
  const std::size_t count = users.offsets.size() - 1, k = options.neighbours;
  std::vector<std::vector<std::uint32_t>> users_of(items);
  for (std::size_t u = 0; u < count; ++u)
    for (const auto item : users.of(u)) users_of[item].push_back(static_cast<std::uint32_t>(u));
  std::vector<std::vector<std::uint32_t>> near(items);
  std::vector<float> shared(items, 0);
  std::vector<std::uint32_t> touched;
  for (std::uint32_t i = 0; i < items; ++i) {
    for (const auto u : users_of[i])
      for (const auto j : users.of(u)) {
        if (j == i) continue;
        if (shared[j] == 0) touched.push_back(j);
        shared[j] += 1;
      }
    const auto closeness = [&](std::uint32_t j) { return shared[j] / std::sqrt(static_cast<float>(users_of[j].size())); };
    const std::size_t keep = std::min(k, touched.size());
    std::ranges::sort(touched);
    std::ranges::partial_sort(touched, touched.begin() + static_cast<std::ptrdiff_t>(keep), std::ranges::greater(), closeness);
    near[i].assign(touched.begin(), touched.begin() + static_cast<std::ptrdiff_t>(keep));
    for (const auto j : touched) shared[j] = 0;
    touched.clear();
  }
  for (auto& list : users_of) {
    std::ranges::stable_sort(list, {}, [&](std::uint32_t u) { return users.of(u).size(); });
    if (list.size() > k) list.resize(k);
  }
  std::vector<std::uint32_t> all(count);
  std::iota(all.begin(), all.end(), 0U);
  out.user_histories = newest_bags(users, all, options.history);
  std::tie(out.users, out.has_user) = padded(users_of, k);
  std::tie(out.items, out.has_item) = padded(near, k);
  return out;
}

Bags newest_bags(const UserItems& users, std::span<const std::uint32_t> rows, std::size_t history) {
  BagBuilder bags;
  for (const auto row : rows) {
    const auto items = users.of(row);
    bags.begin();
    for (const auto item : items.last(std::min(items.size(), history))) bags.rows.push_back(item);
    bags.end();
  }
  return bags.take();
}

Bags training_bags(const UserItems& users, std::span<const Pair> pairs, const TowerOptions& options, Rng& rng) {
  BagBuilder bags;
  std::vector<std::uint32_t> others;
  for (const Pair& pair : pairs) {
    others.clear();
    for (const auto item : users.of(pair.user))
      if (item != pair.item && rng.uniform() >= options.history_dropout) others.push_back(item);
    if (others.size() > options.history) {
      rng.shuffle(std::span(others));
      others.resize(options.history);
    }
    bags.begin();
    for (const auto item : others) bags.rows.push_back(item);
    bags.end();
  }
  return bags.take();
}

}  // namespace penchant::learn
