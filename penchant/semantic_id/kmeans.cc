#include "penchant/semantic_id/kmeans.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "penchant/base/rng.h"
#include "penchant/kernels/batch_top_k.h"
#include "penchant/kernels/vectors.h"
#include "penchant/semantic_id/nearest.h"

namespace penchant::semantic_id {
namespace {

constexpr std::size_t kSumBlock = 4096;          // rows added up in one piece, whatever the threads
constexpr std::size_t kScreenRows = 4096;        // rows per call of the screened search
constexpr std::size_t kScreenClusters = 256;     // centroids from which screening pays
constexpr std::size_t kFewRows = 32;             // rows that are added up in float
constexpr std::size_t kAhead = 4;                // rows fetched before they are added
constexpr std::size_t kBalanceRows = 256;        // rows whose distances to all centroids are held at once
constexpr std::size_t kSeedRowsPerCluster = 64;  // k-means++ reads at most this many rows per cluster

/// Rows that k-means++ may choose from: all, or a random sample.
std::vector<std::uint32_t> seed_rows(std::size_t n, std::size_t clusters, Rng& rng) {
  std::vector<std::uint32_t> rows(n);
  std::iota(rows.begin(), rows.end(), 0u);
  const std::size_t keep = std::min(n, clusters * kSeedRowsPerCluster);
  for (std::size_t i = 0; i < keep && keep < n; ++i) std::swap(rows[i], rows[i + rng.below(n - i)]);
  rows.resize(keep);
  return rows;
}

/// Index i with probability weights[i] / sum; weights.size() when the sum is 0.
std::size_t draw(std::span<const float> weights, std::span<double> block_sums, Executor& executor, Rng& rng) {
  executor.parallel_for(block_sums.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t b = begin; b < end; ++b) {
      const std::size_t first = b * kSumBlock;
      const auto block = weights.subspan(first, std::min(kSumBlock, weights.size() - first));
      block_sums[b] = std::accumulate(block.begin(), block.end(), 0.0);
    }
  });
  const double total = std::accumulate(block_sums.begin(), block_sums.end(), 0.0);
  if (!(total > 0)) return weights.size();
  double left = rng.uniform() * total;
  std::size_t b = 0;
  while (b + 1 < block_sums.size() && left >= block_sums[b]) left -= block_sums[b++];
  std::size_t last = weights.size();  // rounding may carry `left` past the end: the last with weight
  for (std::size_t i = b * kSumBlock; i < weights.size(); ++i) {
    if (weights[i] <= 0) continue;
    last = i;
    if (left < weights[i]) break;
    left -= weights[i];
  }
  if (last == weights.size())
    for (std::size_t i = 0; i < weights.size(); ++i)
      if (weights[i] > 0) last = i;
  return last;
}

/// k-means++ (Arthur, Vassilvitskii 2007).
Matrix<float> start(MatrixView<const float> rows, std::size_t clusters, Executor& executor, Rng& rng) {
  const auto pool = seed_rows(rows.rows(), clusters, rng);
  Matrix<float> centroids(clusters, rows.cols());
  std::vector<float> nearest(pool.size(), std::numeric_limits<float>::infinity());
  std::vector<double> block_sums((pool.size() + kSumBlock - 1) / kSumBlock);
  std::size_t chosen = rng.below(pool.size());
  for (std::size_t k = 0; k < clusters; ++k) {
    if (k > 0) chosen = draw(nearest, block_sums, executor, rng);
    const bool surplus = chosen == pool.size();  // every row is a centroid already
    const auto from = surplus ? std::span<const float>(centroids.row(0)) : rows.row(pool[chosen]);
    std::ranges::copy(from, centroids.row(k).begin());
    if (surplus) continue;
    const auto centre = std::span<const float>(centroids.row(k));
    executor.parallel_for(pool.size(), 1024, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i)
        nearest[i] = std::min(nearest[i], squared_distance(rows.row(pool[i]), centre));
    });
  }
  return centroids;
}

Result<Matrix<float>> first_centroids(MatrixView<const float> rows, const KMeansOptions& options,
                                      Executor& executor) {
  if (options.start.empty()) {
    Rng rng(options.seed);
    return start(rows, options.clusters, executor, rng);
  }
  if (options.start.rows() != options.clusters || options.start.cols() != rows.cols())
    return invalid("k-means start has shape [" + std::to_string(options.start.rows()) + ", " +
                   std::to_string(options.start.cols()) + "], expected [" + std::to_string(options.clusters) +
                   ", " + std::to_string(rows.cols()) + "]");
  Matrix<float> centroids(options.clusters, rows.cols());
  for (std::size_t k = 0; k < centroids.rows(); ++k) {
    const auto row = options.start.row(k);
    if (!std::ranges::all_of(row, [](float v) { return std::abs(v) <= kMaxCoordinate; }))
      return invalid("k-means start: centroid " + std::to_string(k) +
                     " holds a number that is not finite or above 1e15");
    std::ranges::copy(row, centroids.row(k).begin());
  }
  return centroids;
}

/// Gives each empty cluster the farthest row of the worst cluster.
std::uint32_t split_for_empty(KMeansFit& fit, std::vector<std::uint32_t>& counts) {
  std::uint32_t splits = 0;
  std::vector<double> errors;
  for (std::uint32_t k = 0; k < counts.size(); ++k) {
    if (counts[k] > 0) continue;
    if (errors.empty()) {
      errors.assign(counts.size(), 0);
      for (std::size_t i = 0; i < fit.codes.size(); ++i) errors[fit.codes[i]] += fit.distances[i];
    }
    const auto worst = static_cast<std::uint32_t>(std::ranges::max_element(errors) - errors.begin());
    if (!(errors[worst] > 0)) break;  // no two different rows left in any cluster
    std::size_t farthest = 0;
    float distance = -1;
    for (std::size_t i = 0; i < fit.codes.size(); ++i)
      if (fit.codes[i] == worst && fit.distances[i] > distance) {
        distance = fit.distances[i];
        farthest = i;
      }
    if (counts[worst] < 2) {
      errors[worst] = 0;
      --k;
      continue;
    }
    fit.codes[farthest] = k;
    fit.distances[farthest] = 0;
    errors[worst] -= distance;
    --counts[worst];
    ++counts[k];
    ++splits;
  }
  return splits;
}

void prefetch(std::span<const float> row) {
  for (std::size_t j = 0; j < row.size(); j += 16) __builtin_prefetch(row.data() + j);
}

/// Mean of the rows of each cluster, added in row order; a cluster without rows keeps its centroid.
void move_centroids(MatrixView<const float> rows, KMeansFit& fit, std::span<const std::uint32_t> counts,
                    Executor& executor) {
  const std::size_t clusters = counts.size();
  std::vector<std::size_t> start(clusters + 1, 0);
  for (std::size_t k = 0; k < clusters; ++k) start[k + 1] = start[k] + counts[k];
  std::vector<std::uint32_t> members(rows.rows());
  auto next = start;
  for (std::size_t i = 0; i < rows.rows(); ++i) members[next[fit.codes[i]]++] = static_cast<std::uint32_t>(i);
  executor.parallel_for(clusters, 1, [&](std::size_t begin, std::size_t end) {
    std::vector<double> sum(rows.cols());
    std::vector<float> few(rows.cols());
    for (std::size_t k = begin; k < end; ++k) {
      if (counts[k] == 0) continue;
      std::ranges::fill(sum, 0.0);
      for (std::size_t m = start[k]; m < start[k + 1];) {  // a few in float, which is faster, the rest in double
        std::ranges::fill(few, 0.0F);
        for (const std::size_t end_of_few = std::min(m + kFewRows, start[k + 1]); m < end_of_few; ++m) {
          if (m + kAhead < start[k + 1]) prefetch(rows.row(members[m + kAhead]));
          kernels::add(few, rows.row(members[m]));
        }
        for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += few[j];
      }
      const auto centroid = fit.centroids.row(k);
      for (std::size_t j = 0; j < sum.size(); ++j) centroid[j] = static_cast<float>(sum[j] / counts[k]);
    }
  });
}

double mean(std::span<const float> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// The nearest centroid maximises <row, c> - |c|^2 / 2: the best item of each row as a user. False where the CPU
/// has no 8-bit products: then it would be no faster. \param again the codes in `fit` are nearly right: each row is
/// known to reach the score of its centroid
bool nearest_by_screening(MatrixView<const float> rows, bool again, KMeansFit& fit, Executor& executor) {
  std::vector<float> bias(fit.centroids.rows());
  for (std::size_t k = 0; k < bias.size(); ++k) {
    const auto c = fit.centroids.row(k);
    bias[k] = static_cast<float>(-0.5 * std::inner_product(c.begin(), c.end(), c.begin(), 0.0));
  }
  const kernels::BatchTopK table(fit.centroids.view(), bias);
  if (!table.screens()) return false;
  executor.parallel_for(rows.rows(), kScreenRows, [&](std::size_t begin, std::size_t end) {
    std::vector<kernels::Scored> best(end - begin);
    std::vector<float> floors;
    for (std::size_t i = begin; i < end && again; ++i)
      floors.push_back(kernels::dot(rows.row(i), fit.centroids.row(fit.codes[i])) + bias[fit.codes[i]]);
    table.find(rows.rows_from(begin, end - begin), 1, {}, best, floors);
    for (std::size_t i = begin; i < end; ++i) {
      fit.codes[i] = best[i - begin].index;
      fit.distances[i] = squared_distance(rows.row(i), fit.centroids.row(fit.codes[i]));
    }
  });
  return true;
}

double assign(MatrixView<const float> rows, KMeansFit& fit, Executor& executor) {
  CodewordTable(fit.centroids.view()).nearest(rows, fit.codes, fit.distances, executor);
  return mean(fit.distances);
}

/// The same but for near-ties; faster where there are many centroids. \param again as nearest_by_screening
double assign_on_the_way(MatrixView<const float> rows, bool again, KMeansFit& fit, Executor& executor) {
  const bool large = fit.centroids.rows() >= kScreenClusters && rows.rows() >= kScreenRows;
  if (!large || !nearest_by_screening(rows, again, fit, executor)) return assign(rows, fit, executor);
  return mean(fit.distances);
}

/// Every row in order chooses its cluster at the sizes of that moment; returns what is descended on.
double choose_at_a_price(MatrixView<const float> rows, double price, KMeansFit& fit,
                         std::vector<std::uint32_t>& counts, Executor& executor) {
  const CodewordTable table(fit.centroids.view());
  Matrix<float> distances(std::min(kBalanceRows, rows.rows()), counts.size());
  double sum = 0;
  for (std::size_t first = 0; first < rows.rows(); first += kBalanceRows) {
    const std::size_t block = std::min(kBalanceRows, rows.rows() - first);
    executor.parallel_for(block, 8, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) table.distances_to(rows.row(first + i), distances.row(i));
    });
    for (std::size_t i = 0; i < block; ++i) {
      --counts[fit.codes[first + i]];
      std::uint32_t best = 0;
      double cheapest = std::numeric_limits<double>::infinity();
      for (std::uint32_t k = 0; k < counts.size(); ++k) {
        const double cost = distances(i, k) + price * counts[k];
        if (cost < cheapest) {
          cheapest = cost;
          best = k;
        }
      }
      ++counts[best];
      fit.codes[first + i] = best;
      sum += distances(i, best);
    }
  }
  for (const double count : counts) sum += price / 2 * count * count;
  return sum;
}

/// The second descent, from the nearest-centroid codes in `fit`. False: cancelled.
bool even_out(MatrixView<const float> rows, const KMeansOptions& options, KMeansFit& fit,
              Executor& executor) {
  const double price = options.balance * fit.error * options.clusters / static_cast<double>(rows.rows());
  if (!(price > 0)) return true;
  std::vector<std::uint32_t> counts(options.clusters, 0);
  for (const auto code : fit.codes) ++counts[code];
  double before = std::numeric_limits<double>::infinity();
  for (std::uint32_t step = 0; step < options.iterations; ++step, ++fit.iterations) {
    if (options.keep_going && !options.keep_going()) return false;
    const double cost = choose_at_a_price(rows, price, fit, counts, executor);
    if (step > 0 && before - cost <= options.tolerance * before) break;
    before = cost;
    move_centroids(rows, fit, counts, executor);
  }
  fit.error = assign(rows, fit, executor);
  return true;
}

}  // namespace

Result<KMeansFit> fit_kmeans(MatrixView<const float> rows, const KMeansOptions& options, Executor& executor) {
  if (rows.empty()) return invalid("k-means needs at least one row and one column");
  if (rows.rows() > std::numeric_limits<std::uint32_t>::max() - 1)
    return invalid("k-means takes fewer than 2^32 - 1 rows");
  if (options.clusters == 0 || options.clusters > 65536)
    return invalid("k-means clusters: " + std::to_string(options.clusters) + " is not in 1..65536");
  if (!(options.balance >= 0) || !std::isfinite(options.balance))
    return invalid("k-means balance: it must be a number from 0 on");
  for (std::size_t i = 0; i < rows.rows(); ++i)
    for (std::size_t j = 0; j < rows.cols(); ++j)
      if (!(std::abs(rows(i, j)) <= kMaxCoordinate))
        return invalid("row " + std::to_string(i) + ", column " + std::to_string(j) +
                       (std::isfinite(rows(i, j)) ? " is larger than 1e15" : " is not a finite number"));
  PENCHANT_TRY(centroids, first_centroids(rows, options, executor));
  KMeansFit fit;
  fit.centroids = std::move(centroids);
  fit.codes.resize(rows.rows());
  fit.distances.resize(rows.rows());
  double before = std::numeric_limits<double>::infinity();
  for (; fit.iterations < options.iterations; ++fit.iterations) {
    if (options.keep_going && !options.keep_going())
      return Error{ErrorCode::cancelled, "k-means was cancelled"};
    const double error = assign_on_the_way(rows, fit.iterations > 0, fit, executor);
    std::vector<std::uint32_t> counts(options.clusters, 0);
    for (const auto code : fit.codes) ++counts[code];
    const auto splits = split_for_empty(fit, counts);
    fit.splits += splits;
    if (fit.iterations > 0 && splits == 0 && before - error <= options.tolerance * before) break;
    before = error;
    move_centroids(rows, fit, counts, executor);
  }
  fit.error = assign(rows, fit, executor);
  if (!even_out(rows, options, fit, executor)) return Error{ErrorCode::cancelled, "k-means was cancelled"};
  return fit;
}

}  // namespace penchant::semantic_id
