#pragma once
/// \file Percentile bootstrap over users: how far a mean could be from what was measured. Layer 2.
/// Efron 1979; users are drawn with replacement, every metric of a user together, so that two
/// columns of one call can be compared pairwise. Same seed and input: same intervals, whatever the
/// number of threads.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"

namespace penchant::metrics {

/// A mean over users and the interval that holds it; low <= value <= high up to bootstrap noise.
struct Estimate {
  double value = 0;
  double low = 0;
  double high = 0;
};

struct BootstrapOptions {
  std::size_t resamples = 1000;  ///< at least 1; 1,000 is the least for a figure to be reported
  std::uint64_t seed = 1;
  double level = 0.95;  ///< share of the resampled means inside [low, high], in (0, 1)
};

/// Two columns of a matrix: the difference minuend - subtrahend is estimated on the same resamples.
struct ColumnPair {
  std::size_t minuend = 0;
  std::size_t subtrahend = 0;
};

struct BootstrapResult {
  std::vector<Estimate> columns;      ///< [cols]
  std::vector<Estimate> differences;  ///< [pairs]
};

/// Means of all columns over users drawn with replacement: row r is resample r, whatever the number of
/// threads; two calls with as many users and the same seed draw the same users. Memory: its result.
/// \param values [users, cols], finite, users >= 1 \return [max(resamples, 1), cols]
Matrix<double> resampled_means(MatrixView<const double> values, const BootstrapOptions& options,
                               Executor& executor);
/// Column means of the values as they are; zeros for zero users. \return [cols]
std::vector<double> column_means(MatrixView<const double> values);
/// `value` with the percentiles of what the resamples gave; `resampled` is sorted in passing.
Estimate interval_of(double value, std::vector<double> resampled, double level = 0.95);

/// Estimates of all column means and of the given differences.
/// \param values [users, cols], finite; zero users give zero estimates
BootstrapResult bootstrap(MatrixView<const double> values, std::span<const ColumnPair> pairs,
                          const BootstrapOptions& options, Executor& executor);

/// One column, on the calling thread.
Estimate bootstrap_mean(std::span<const double> values, const BootstrapOptions& options = {});
/// Mean of a[u] - b[u] with its interval; a and b are of one length, one value per user.
Estimate paired_difference(std::span<const double> a, std::span<const double> b,
                           const BootstrapOptions& options = {});

}  // namespace penchant::metrics
