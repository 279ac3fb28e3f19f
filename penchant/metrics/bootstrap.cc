#include "penchant/metrics/bootstrap.h"

#include <algorithm>
#include <cmath>

#include "penchant/base/rng.h"

namespace penchant::metrics {
namespace {

/// Linear interpolation between the order statistics around q * (n - 1); `sorted` ascending.
double quantile(const std::vector<double>& sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  const double part = at - static_cast<double>(below);
  return sorted[below] * (1 - part) + sorted[above] * part;
}

Estimate estimate(double value, std::vector<double> means, double level) {
  std::sort(means.begin(), means.end());
  const double tail = (1 - level) / 2;
  return {value, quantile(means, tail), quantile(means, 1 - tail)};
}

/// Means of all columns over users drawn `users` times with replacement. Resample r has its own
/// generator, so the result does not depend on which thread computes it.
void resampled_means(MatrixView<const double> values, std::uint64_t seed, std::size_t resample,
                     std::vector<std::uint32_t>& times, std::span<double> means) {
  const std::size_t users = values.rows(), cols = values.cols();
  Rng rng(seed * 0x9e3779b97f4a7c15ULL + resample);
  times.assign(users, 0);
  for (std::size_t i = 0; i < users; ++i) ++times[rng.below(users)];
  std::fill(means.begin(), means.end(), 0.0);
  for (std::size_t u = 0; u < users; ++u) {
    if (times[u] == 0) continue;
    const double weight = times[u];
    const double* row = values.data() + u * values.stride();
    for (std::size_t c = 0; c < cols; ++c) means[c] += weight * row[c];
  }
  for (double& mean : means) mean /= static_cast<double>(users);
}

}  // namespace

BootstrapResult bootstrap(MatrixView<const double> values, std::span<const ColumnPair> pairs,
                          const BootstrapOptions& options, Executor& executor) {
  const std::size_t users = values.rows(), cols = values.cols();
  BootstrapResult result;
  result.columns.resize(cols);
  result.differences.resize(pairs.size());
  for (const auto& pair : pairs)
    PENCHANT_CHECK(pair.minuend < cols && pair.subtrahend < cols, "bootstrap pair beyond columns");
  if (users == 0 || cols == 0) return result;
  const std::size_t resamples = std::max<std::size_t>(options.resamples, 1);

  std::vector<double> exact(cols, 0.0);
  for (std::size_t u = 0; u < users; ++u)
    for (std::size_t c = 0; c < cols; ++c) exact[c] += values.row(u)[c];
  for (double& mean : exact) mean /= static_cast<double>(users);

  Matrix<double> means(resamples, cols);
  executor.parallel_for(resamples, 1, [&](std::size_t begin, std::size_t end) {
    std::vector<std::uint32_t> times;
    for (std::size_t r = begin; r < end; ++r) resampled_means(values, options.seed, r, times, means.row(r));
  });

  std::vector<double> column(resamples);
  for (std::size_t c = 0; c < cols; ++c) {
    for (std::size_t r = 0; r < resamples; ++r) column[r] = means(r, c);
    result.columns[c] = estimate(exact[c], column, options.level);
  }
  for (std::size_t p = 0; p < pairs.size(); ++p) {
    const auto [a, b] = pairs[p];
    for (std::size_t r = 0; r < resamples; ++r) column[r] = means(r, a) - means(r, b);
    result.differences[p] = estimate(exact[a] - exact[b], column, options.level);
  }
  return result;
}

Estimate bootstrap_mean(std::span<const double> values, const BootstrapOptions& options) {
  Executor here(1);
  if (values.empty()) return {};
  return bootstrap({values.data(), values.size(), 1}, {}, options, here).columns[0];
}

Estimate paired_difference(std::span<const double> a, std::span<const double> b,
                           const BootstrapOptions& options) {
  PENCHANT_CHECK(a.size() == b.size(), "paired_difference needs one value per user on both sides");
  if (a.empty()) return {};
  Matrix<double> both(a.size(), 2);
  for (std::size_t u = 0; u < a.size(); ++u) {
    both(u, 0) = a[u];
    both(u, 1) = b[u];
  }
  const ColumnPair pair{0, 1};
  Executor here(1);
  return bootstrap(both.view(), {&pair, 1}, options, here).differences[0];
}

}  // namespace penchant::metrics
