#include "penchant/learn/click/click_model.h"

#include <algorithm>
#include <cmath>

namespace penchant::learn {
namespace {

constexpr std::size_t kScored = 1024;  // rows that are scored together

/// The newest `most` places of a run.
ItemRun newest(ItemRun run, std::size_t most) noexcept {
  const auto kept = std::min<std::size_t>(run.last - run.first, most);
  return {run.last - static_cast<std::uint32_t>(kept), run.last};
}

double softplus(double x) noexcept { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

}  // namespace

/// Rows of one step with the vectors of all items in them.
struct ClickModel::Batch {
  std::vector<ItemTable::Use> items;           ///< distinct, in order of appearance
  std::vector<std::uint32_t> candidate;        ///< [n] places in `items`
  std::vector<std::vector<std::uint32_t>> pool[2];  ///< [n] places in `items`: liked, disliked
  Matrix<float> vectors;                       ///< [items.size(), dim]
  Matrix<float> x;                             ///< [n, 5 * dim + context]
};

ClickModel::ClickModel(const ItemInputs& items, std::size_t context, const ClickOptions& options)
    : options_(options), rng_(options.seed), context_(context), table_(items, options.dim, rng_),
      network_(5 * options.dim + context, options.cross_layers, options.hidden, rng_) {
  const std::size_t known = items.pieces != nullptr ? items.pieces->items() : items.content.rows();
  local_.assign(known, 0);
}

ClickModel::Batch ClickModel::gather(const ClickData& data, std::span<const std::uint32_t> rows, bool training, Executor& executor) {
  Batch batch;
  const auto place = [&](std::uint32_t item) {
    if (local_[item] == 0) {
      const bool varied = training && rng_.uniform() < options_.variation;
      batch.items.push_back({item, varied ? static_cast<std::uint32_t>(rng_.below(semantic_id::ItemPieces::kVariations)) : ItemTable::Use::kWhole});
      local_[item] = static_cast<std::uint32_t>(batch.items.size());
    }
    return local_[item] - 1;
  };
  const auto places = [&](const std::vector<std::uint32_t>& items, ItemRun run) {
    run = newest(run, options_.history);
    std::vector<std::uint32_t> out;
    for (std::uint32_t at = run.first; at < run.last; ++at) out.push_back(place(items[at]));
    return out;
  };
  for (const auto row : rows) {
    batch.candidate.push_back(place(data.items[row]));
    batch.pool[0].push_back(places(data.liked_items, data.liked[row]));
    batch.pool[1].push_back(places(data.disliked_items, data.disliked[row]));
  }
  for (const auto& use : batch.items) local_[use.item] = 0;
  batch.vectors = table_.vectors(batch.items, executor);

  const std::size_t dim = options_.dim;
  batch.x = Matrix<float>(rows.size(), 5 * dim + context_);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    float* x = batch.x.row(r).data();
    std::ranges::copy(batch.vectors.row(batch.candidate[r]), x);
    for (std::size_t p = 0; p < 2; ++p) {
      float* mean = x + (1 + p) * dim;
      const auto& pool = batch.pool[p][r];
      for (const auto item : pool) {
        const float* vector = batch.vectors.row(item).data();
        for (std::size_t d = 0; d < dim; ++d) mean[d] += vector[d];
      }
      const float share = pool.empty() ? 0.0F : 1.0F / static_cast<float>(pool.size());
      for (std::size_t d = 0; d < dim; ++d) {
        mean[d] *= share;
        x[(3 + p) * dim + d] = x[d] * mean[d];
      }
    }
    std::ranges::copy(data.context.row(rows[r]), x + 5 * dim);
  }
  return batch;
}

Matrix<float> ClickModel::to_vectors(const Batch& batch, MatrixView<const float> gradient) const {
  const std::size_t dim = options_.dim;
  Matrix<float> out(batch.items.size(), dim);
  std::vector<float> to_mean(dim);
  for (std::size_t r = 0; r < gradient.rows(); ++r) {
    const float* x = batch.x.row(r).data();
    const float* g = gradient.row(r).data();
    float* candidate = out.row(batch.candidate[r]).data();
    for (std::size_t d = 0; d < dim; ++d)
      candidate[d] += g[d] + g[3 * dim + d] * x[dim + d] + g[4 * dim + d] * x[2 * dim + d];
    for (std::size_t p = 0; p < 2; ++p) {
      const auto& pool = batch.pool[p][r];
      if (pool.empty()) continue;
      const float share = 1.0F / static_cast<float>(pool.size());
      for (std::size_t d = 0; d < dim; ++d) to_mean[d] = share * (g[(1 + p) * dim + d] + g[(3 + p) * dim + d] * x[d]);
      for (const auto item : pool) {
        float* to = out.row(item).data();
        for (std::size_t d = 0; d < dim; ++d) to[d] += to_mean[d];
      }
    }
  }
  return out;
}

double ClickModel::learn(const ClickData& data, std::span<const std::uint32_t> rows, Executor& executor) {
  double loss = 0;
  for (std::size_t first = 0; first < rows.size(); first += options_.batch) {
    const auto chosen = rows.subspan(first, std::min(options_.batch, rows.size() - first));
    const Batch batch = gather(data, chosen, true, executor);
    const auto logits = network_.forward(batch.x.view(), executor);
    std::vector<float> gradient(logits.size());
    for (std::size_t r = 0; r < logits.size(); ++r) {
      const double y = data.positive[chosen[r]], z = logits[r];
      loss += softplus(z) - y * z;
      gradient[r] = static_cast<float>((1 / (1 + std::exp(-z)) - y) / static_cast<double>(logits.size()));
    }
    const Matrix<float> to_x = network_.backward(gradient, executor);
    table_.step(batch.items, to_vectors(batch, to_x.view()).view(), options_.table_rate, executor);
    network_.step({.learning_rate = options_.rate, .weight_decay = options_.weight_decay}, executor);
  }
  return rows.empty() ? 0 : loss / static_cast<double>(rows.size());
}

void ClickModel::score(const ClickData& data, std::span<const std::uint32_t> rows, std::span<float> out, Executor& executor) {
  PENCHANT_CHECK(out.size() == rows.size(), "one score per row");
  for (std::size_t first = 0; first < rows.size(); first += kScored) {
    const auto chosen = rows.subspan(first, std::min(kScored, rows.size() - first));
    const Batch batch = gather(data, chosen, false, executor);
    const auto logits = network_.forward(batch.x.view(), executor);
    std::ranges::copy(logits, out.begin() + static_cast<std::ptrdiff_t>(first));
  }
}

}  // namespace penchant::learn
