#pragma once
/// \file Lloyd's k-means with a k-means++ start; the same bytes for a seed on any number of threads. Layer 3.
#include <cstdint>
#include <functional>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"

namespace penchant::semantic_id {

/// Largest accepted magnitude of a coordinate: squares and their sums stay finite in float.
inline constexpr float kMaxCoordinate = 1e15f;

struct KMeansOptions {
  std::uint32_t clusters = 256;   ///< K, 1..65536
  std::uint32_t iterations = 25;  ///< at most; each reads every row once
  double tolerance = 1e-4;        ///< stop when the error falls by less than this share of itself
  std::uint64_t seed = 1;
  /// [K, x] first centroids, finite; empty: k-means++. Lives through the call.
  MatrixView<const float> start;
  /// What one more row costs in a cluster of n / K rows, in units of the mean squared distance; other
  /// sizes in proportion. 0: sizes do not matter. 1 evens out much and adds some percent of error.
  double balance = 0;
  std::function<bool()> keep_going;  ///< asked once per iteration; false: cancelled. May be empty.
};

struct KMeansFit {
  Matrix<float> centroids;           ///< [K, x]
  std::vector<std::uint32_t> codes;  ///< [n], nearest centroid, the lowest on a tie
  std::vector<float> distances;      ///< [n], squared distance to it
  double error = 0;                  ///< mean of distances
  std::uint32_t iterations = 0;      ///< done
  std::uint32_t splits = 0;          ///< empty clusters that took over part of another one
};

/// \param rows [n, x], finite, at most kMaxCoordinate in magnitude; n >= 1, x >= 1.
/// Fewer than K distinct rows: every distinct row becomes a centroid and the surplus centroids are
/// copies of the first one; ties go to the lowest number, so nothing is assigned to a copy.
/// A cluster that runs empty takes the farthest row of the cluster with the largest error.
///
/// With `balance` b, Lloyd's result of error e is the start of a second descent, on
/// sum |v - c|^2 + b e K / (2 n) sum n_k^2 with n_k the size of cluster k (k-means regularised by the
/// cluster sizes: Lin, He, Xiao, IJCAI 2019): rows in order choose the cheapest cluster at the sizes of
/// that moment, then centroids move, at most `iterations` times. Codes and distances are those of the
/// nearest centroid in the end, so they are what any later row would get: sizes become more even, not
/// equal, and rows that are the same stay together.
/// \return invalid_argument naming the row and column of a bad value, for a start of another shape or a
/// balance that is no number from 0 on; cancelled
Result<KMeansFit> fit_kmeans(MatrixView<const float> rows, const KMeansOptions& options, Executor& executor);

}  // namespace penchant::semantic_id
