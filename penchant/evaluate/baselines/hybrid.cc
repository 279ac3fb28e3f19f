#include "penchant/evaluate/baselines/hybrid.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <optional>

#include "penchant/evaluate/baselines/content_knn.h"
#include "penchant/evaluate/baselines/counting.h"
#include "penchant/kernels/top_k.h"
#include "penchant/kernels/vectors.h"

namespace penchant::evaluate {
namespace {

constexpr std::size_t kPopularityPart = 2;
constexpr std::size_t kPoolPerPart = 100;
constexpr double kGrid[] = {0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2};
constexpr int kRounds = 4;

/// Mean 0, deviation 1 over the finite scores; what is not finite gets the mean.
void standardise(std::span<float> scores, bool logarithm) {
  double sum = 0, square = 0, n = 0;
  for (float& score : scores) {
    if (logarithm) score = std::log1p(score);
    if (!std::isfinite(score)) continue;
    sum += score;
    square += static_cast<double>(score) * score;
    n += 1;
  }
  const double mean = n > 0 ? sum / n : 0, variance = n > 0 ? square / n - mean * mean : 0;
  const float shift = static_cast<float>(mean);
  const float scale = variance > 1e-20 ? static_cast<float>(1 / std::sqrt(variance)) : 0;
  for (float& score : scores) score = std::isfinite(score) ? (score - shift) * scale : 0;
}

}  // namespace

/// Candidates of one validation query with their standardised scores; the target is the first.
struct Hybrid::Pool {
  std::vector<std::array<float, kParts>> candidates;
};

Hybrid::Hybrid(HybridSettings settings) : settings_(settings) {}
Hybrid::~Hybrid() = default;

Result<Hybrid::Pool> Hybrid::pool_of(const ValidationQuery& query, bool removes_seen) const {
  const Query asked{query.history, query.user, 0, 0};
  std::vector<std::vector<float>> scores;
  std::vector<std::uint32_t> rows{query.target};
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    PENCHANT_TRY(mine, part_scores(p, asked));
    auto allowed = mine;
    scores.push_back(std::move(mine));
    if (removes_seen)
      for (const auto& event : query.history)
        if (event.item != query.target) allowed[event.item] = -std::numeric_limits<float>::infinity();
    for (const auto& [score, item] : kernels::top_k(allowed, kPoolPerPart))
      if (std::isfinite(score)) rows.push_back(item);
  }
  std::sort(rows.begin() + 1, rows.end());
  rows.erase(std::unique(rows.begin() + 1, rows.end()), rows.end());
  std::erase(rows, query.target);
  rows.insert(rows.begin(), query.target);
  Pool pool;
  for (const auto row : rows) {
    std::array<float, kParts> values{};
    for (std::size_t p = 0; p < parts_.size(); ++p) values[p] = scores[p][row];
    pool.candidates.push_back(values);
  }
  return pool;
}

void Hybrid::find_weights(std::span<const Pool> pools) {
  const auto value_of = [&](const std::array<double, kParts>& weights) {
    std::array<float, kParts> w{};
    for (std::size_t p = 0; p < kParts; ++p) w[p] = static_cast<float>(weights[p]);
    double total = 0;
    for (const Pool& pool : pools) {
      const auto sum = [&](const auto& c) { return w[0] * c[0] + w[1] * c[1] + w[2] * c[2] + w[3] * c[3]; };
      const float target = sum(pool.candidates.front());
      std::size_t rank = 0;
      for (const auto& candidate : pool.candidates)
        rank += sum(candidate) >= target ? 1 : 0;  // itself included
      if (rank <= 10) total += 1 / std::log2(1.0 + static_cast<double>(rank));
      total += 1e-3 / static_cast<double>(rank);  // tells apart what NDCG@10 does not
    }
    return total;
  };
  double best = -1;
  for (std::size_t p = 0; p < parts_.size(); ++p) {  // start at the best single part
    std::array<double, kParts> alone{};
    alone[p] = 1;
    if (const double value = value_of(alone); value > best) best = value, weights_ = alone;
  }
  for (int round = 0; round < kRounds; ++round) {
    const auto before = weights_;
    for (std::size_t p = 0; p < parts_.size(); ++p)
      for (const double candidate : kGrid) {
        auto weights = weights_;
        weights[p] = candidate;
        if (const double value = value_of(weights); value > best) best = value, weights_ = weights;
      }
    if (weights_ == before) break;
  }
}

Status Hybrid::fit(const FitInput& input, Executor& executor, const ProgressSink& progress) {
  parts_.clear();
  weights_ = {1, 1, 0.1, 1};
  parts_.push_back(std::make_unique<Transitions>());
  parts_.push_back(std::make_unique<ItemKnn>());
  parts_.push_back(std::make_unique<Popularity>());
  if (!input.content.empty()) parts_.push_back(std::make_unique<ContentKnn>(settings_.decay));
  for (auto& part : parts_) PENCHANT_DO(part->fit(input, executor, progress));
  items_ = input.training.items;
  if (input.validation.empty()) return {};

  const std::size_t wanted = std::min(settings_.queries, input.validation.size());
  std::vector<Pool> pools(wanted);
  std::mutex mutex;
  std::optional<Error> failed;
  executor.parallel_for(wanted, 4, [&](std::size_t begin, std::size_t end) {
    for (std::size_t n = begin; n < end; ++n) {
      auto pool = pool_of(input.validation[n * input.validation.size() / wanted], input.removes_seen);
      if (pool.ok()) {
        pools[n] = std::move(pool).value();
        continue;
      }
      const std::lock_guard lock(mutex);
      failed = std::move(pool).error();
    }
  });
  if (failed) return std::move(*failed);
  find_weights(pools);
  return {};
}

Result<std::vector<float>> Hybrid::part_scores(std::size_t part, const Query& query) const {
  std::vector<float> scores(items_);
  PENCHANT_DO(parts_[part]->score({&query, 1}, MatrixView<float>(scores.data(), 1, items_)));
  standardise(scores, part == kPopularityPart);
  return scores;
}

Status Hybrid::score(std::span<const Query> queries, MatrixView<float> out) const {
  for (std::size_t q = 0; q < queries.size(); ++q) {
    const auto sum = out.row(q);
    std::ranges::fill(sum, 0.0f);
    for (std::size_t p = 0; p < parts_.size(); ++p) {
      if (weights_[p] == 0) continue;
      PENCHANT_TRY(scores, part_scores(p, queries[q]));
      kernels::add_scaled(sum, static_cast<float>(weights_[p]), scores);
    }
  }
  return {};
}

}  // namespace penchant::evaluate
