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

constexpr std::size_t kTogether = 8;  ///< resamples that read a user's values while they are in L1

/// Resamples [first, first + count), count <= kTogether. Resample r has its own generator, so that
/// the result does not depend on which thread computes it.
void resample(MatrixView<const double> values, std::uint64_t seed, std::size_t first, std::size_t count,
              std::vector<std::uint16_t>& times, MatrixView<double> means) {
  const std::size_t users = values.rows(), cols = values.cols();
  times.assign(users * kTogether, 0);
  for (std::size_t r = 0; r < count; ++r) {
    Rng rng(seed * 0x9e3779b97f4a7c15ULL + first + r);
    for (std::size_t i = 0; i < users; ++i) ++times[rng.below(users) * kTogether + r];
  }
  for (std::size_t u = 0; u < users; ++u) {
    const double* row = values.data() + u * values.stride();
    for (std::size_t r = 0; r < count; ++r) {
      const std::uint16_t drawn = times[u * kTogether + r];
      if (drawn == 0) continue;
      const double weight = drawn;
      double* out = means.row(r).data();
      for (std::size_t c = 0; c < cols; ++c) out[c] += weight * row[c];
    }
  }
  for (std::size_t r = 0; r < count; ++r)
    for (double& mean : means.row(r)) mean /= static_cast<double>(users);
}

}  // namespace

Matrix<double> resampled_means(MatrixView<const double> values, const BootstrapOptions& options,
                               Executor& executor) {
  PENCHANT_CHECK(values.rows() > 0, "no users to draw from");
  const std::size_t resamples = std::max<std::size_t>(options.resamples, 1);
  Matrix<double> means(resamples, values.cols());
  const std::size_t groups = (resamples + kTogether - 1) / kTogether;
  executor.parallel_for(groups, 1, [&](std::size_t begin, std::size_t end) {
    std::vector<std::uint16_t> times;
    for (std::size_t g = begin; g < end; ++g) {
      const std::size_t first = g * kTogether, count = std::min(kTogether, resamples - first);
      resample(values, options.seed, first, count, times, means.view().rows_from(first, count));
    }
  });
  return means;
}

std::vector<double> column_means(MatrixView<const double> values) {
  std::vector<double> means(values.cols(), 0.0);
  for (std::size_t u = 0; u < values.rows(); ++u)
    for (std::size_t c = 0; c < means.size(); ++c) means[c] += values.row(u)[c];
  if (values.rows() > 0)
    for (double& mean : means) mean /= static_cast<double>(values.rows());
  return means;
}

Estimate interval_of(double value, std::vector<double> resampled, double level) {
  if (resampled.empty()) return {value, value, value};
  std::sort(resampled.begin(), resampled.end());
  const double tail = (1 - level) / 2;
  return {value, quantile(resampled, tail), quantile(resampled, 1 - tail)};
}

BootstrapResult bootstrap(MatrixView<const double> values, std::span<const ColumnPair> pairs,
                          const BootstrapOptions& options, Executor& executor) {
  const std::size_t users = values.rows(), cols = values.cols();
  BootstrapResult result;
  result.columns.resize(cols);
  result.differences.resize(pairs.size());
  for (const auto& pair : pairs)
    PENCHANT_CHECK(pair.minuend < cols && pair.subtrahend < cols, "bootstrap pair beyond columns");
  if (users == 0 || cols == 0) return result;
  const std::vector<double> exact = column_means(values);
  const Matrix<double> means = resampled_means(values, options, executor);
  std::vector<double> column(means.rows());
  for (std::size_t c = 0; c < cols; ++c) {
    for (std::size_t r = 0; r < column.size(); ++r) column[r] = means(r, c);
    result.columns[c] = interval_of(exact[c], column, options.level);
  }
  for (std::size_t p = 0; p < pairs.size(); ++p) {
    const auto [a, b] = pairs[p];
    for (std::size_t r = 0; r < column.size(); ++r) column[r] = means(r, a) - means(r, b);
    result.differences[p] = interval_of(exact[a] - exact[b], column, options.level);
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
