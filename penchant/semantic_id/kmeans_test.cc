#include "penchant/semantic_id/kmeans.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "penchant/base/rng.h"
#include "penchant/semantic_id/nearest.h"

namespace penchant::semantic_id {
namespace {

/// `per_blob` rows around each of `blobs` corners.
Matrix<float> blobs(std::size_t count, std::size_t per_blob, std::size_t dim, std::uint64_t seed) {
  Rng rng(seed);
  Matrix<float> rows(count * per_blob, dim), centres(count, dim);
  for (auto& v : centres.values()) v = static_cast<float>(20 * rng.uniform());
  for (std::size_t i = 0; i < rows.rows(); ++i)
    for (std::size_t j = 0; j < dim; ++j)
      rows(i, j) = centres(i % count, j) + static_cast<float>(rng.uniform() - 0.5);
  return rows;
}

TEST(KMeans, FindsWellSeparatedGroups) {
  const auto rows = blobs(12, 40, 16, 1);
  Executor executor(2);
  int found = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const auto fit = fit_kmeans(rows.view(), {.clusters = 12, .seed = seed}, executor).value();
    bool whole = true;
    for (std::size_t i = 0; i < rows.rows(); ++i) whole &= fit.codes[i] == fit.codes[i % 12];
    found += whole && std::set(fit.codes.begin(), fit.codes.end()).size() == 12;
  }
  EXPECT_GE(found, 6);  // k-means++ misses a group now and then
}

TEST(KMeans, IsAFixedPointOfItsOwnAssignment) {
  const auto rows = blobs(5, 100, 7, 2);
  Executor executor(1);
  const auto fit =
      fit_kmeans(rows.view(), {.clusters = 8, .iterations = 200, .tolerance = 0}, executor).value();
  std::vector<std::vector<double>> sums(8, std::vector<double>(7));
  std::vector<int> counts(8);
  double error = 0;
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    float best = INFINITY;
    for (std::size_t k = 0; k < 8; ++k)
      best = std::min(best, squared_distance(rows.row(i), fit.centroids.row(k)));
    EXPECT_LE(fit.distances[i], best * 1.0001f + 1e-4f);
    error += fit.distances[i];
    ++counts[fit.codes[i]];
    for (std::size_t j = 0; j < 7; ++j) sums[fit.codes[i]][j] += rows(i, j);
  }
  EXPECT_NEAR(fit.error, error / static_cast<double>(rows.rows()), 1e-9);
  for (std::size_t k = 0; k < 8; ++k)
    for (std::size_t j = 0; j < 7; ++j) EXPECT_NEAR(fit.centroids(k, j), sums[k][j] / counts[k], 1e-4);
}

TEST(KMeans, GoesOnFromGivenCentroids) {
  const auto rows = blobs(9, 60, 6, 5);
  Executor executor(1);
  const auto whole =
      fit_kmeans(rows.view(), {.clusters = 12, .iterations = 8, .tolerance = 0}, executor).value();
  const auto half =
      fit_kmeans(rows.view(), {.clusters = 12, .iterations = 4, .tolerance = 0}, executor).value();
  const auto rest =
      fit_kmeans(rows.view(),
                 {.clusters = 12, .iterations = 4, .tolerance = 0, .start = half.centroids.view()}, executor)
          .value();
  EXPECT_EQ(rest.centroids.values(), whole.centroids.values());
  EXPECT_EQ(
      fit_kmeans(rows.view(), {.clusters = 11, .start = half.centroids.view()}, executor).error().message,
      "k-means start has shape [12, 6], expected [11, 6]");
  auto bad = half.centroids;
  bad(3, 2) = INFINITY;
  EXPECT_EQ(fit_kmeans(rows.view(), {.clusters = 12, .start = bad.view()}, executor).error().message,
            "k-means start: centroid 3 holds a number that is not finite or above 1e15");
}

TEST(KMeans, EveryStepLowersTheError) {
  Rng rng(4);
  Matrix<float> rows(2000, 24);
  for (auto& v : rows.values()) v = static_cast<float>(rng.uniform());
  Executor executor(2);
  double before = 1e30;
  for (std::uint32_t steps = 0; steps <= 12; ++steps) {
    const auto fit = fit_kmeans(rows.view(), {.clusters = 40, .iterations = steps}, executor).value();
    EXPECT_EQ(fit.iterations, steps);
    EXPECT_LT(fit.error, before);
    before = fit.error;
  }
  const auto start = fit_kmeans(rows.view(), {.clusters = 40, .iterations = 0}, executor).value();
  EXPECT_LT(before, 0.7 * start.error);
  EXPECT_LT(before, 24.0 / 12);  // below the variance of the rows
}

TEST(KMeans, SameSeedSameBytesOnAnyNumberOfThreads) {
  const auto rows = blobs(30, 400, 19, 3);
  Executor one(1), three(3);
  const auto a = fit_kmeans(rows.view(), {.clusters = 50, .seed = 7}, one).value();
  const auto b = fit_kmeans(rows.view(), {.clusters = 50, .seed = 7}, three).value();
  const auto c = fit_kmeans(rows.view(), {.clusters = 50, .seed = 8}, three).value();
  EXPECT_EQ(a.centroids.values(), b.centroids.values());
  EXPECT_EQ(a.codes, b.codes);
  EXPECT_EQ(a.distances, b.distances);
  EXPECT_NE(a.centroids.values(), c.centroids.values());
}

TEST(KMeans, FewerDistinctRowsThanClustersAreAllRepresentedExactly) {
  Executor executor(1);
  for (const std::size_t distinct : {1, 2, 3, 7}) {
    Matrix<float> rows(20, 4);
    for (std::size_t i = 0; i < 20; ++i)
      for (std::size_t j = 0; j < 4; ++j) rows(i, j) = static_cast<float>(i % distinct) * 0.37f;
    const auto fit = fit_kmeans(rows.view(), {.clusters = 16}, executor).value();
    EXPECT_EQ(std::set(fit.codes.begin(), fit.codes.end()).size(), distinct);
    EXPECT_NEAR(fit.error, 0, 1e-10);
    for (const float v : fit.centroids.values()) EXPECT_TRUE(std::isfinite(v));
  }
}

/// Two thirds of the rows in one dense crowd, the others spread wide.
Matrix<float> crowd(std::size_t n, std::size_t dim, std::uint64_t seed) {
  Rng rng(seed);
  Matrix<float> rows(n, dim);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < dim; ++j)
      rows(i, j) = static_cast<float>((rng.uniform() - 0.5) * (i % 3 == 0 ? 4 : 1));
  return rows;
}

std::uint32_t largest(const KMeansFit& fit) {
  std::vector<std::uint32_t> counts(fit.centroids.rows());
  for (const auto code : fit.codes) ++counts[code];
  return *std::max_element(counts.begin(), counts.end());
}

TEST(KMeans, BalanceShrinksTheLargestClusterForALittleError) {
  Executor executor(2);
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const auto rows = crowd(3000, 6, seed);
    const auto plain = fit_kmeans(rows.view(), {.clusters = 30, .seed = seed}, executor).value();
    std::uint32_t before = largest(plain);
    for (const double balance : {0.3, 1.0}) {
      const auto even =
          fit_kmeans(rows.view(), {.clusters = 30, .seed = seed, .balance = balance}, executor).value();
      EXPECT_LT(largest(even), before) << balance;
      EXPECT_LT(even.error, 1.2 * plain.error) << balance;
      before = largest(even);
      for (std::size_t i = 0; i < 3000; i += 97) {
        float best = INFINITY;
        for (std::size_t k = 0; k < 30; ++k)
          best = std::min(best, squared_distance(rows.row(i), even.centroids.row(k)));
        EXPECT_NEAR(even.distances[i], best, 1e-5) << "codes are the nearest centroids";
      }
    }
    EXPECT_LT(before, 0.6 * largest(plain));
  }
}

TEST(KMeans, BalanceIsTheSameOnAnyNumberOfThreadsAndHarmlessWhereNothingCanBeEven) {
  Executor one(1), three(3);
  const auto rows = crowd(1000, 5, 4);
  const auto a = fit_kmeans(rows.view(), {.clusters = 20, .balance = 0.5}, one).value();
  const auto b = fit_kmeans(rows.view(), {.clusters = 20, .balance = 0.5}, three).value();
  EXPECT_EQ(a.centroids.values(), b.centroids.values());
  EXPECT_EQ(a.codes, b.codes);
  Matrix<float> same(500, 3);
  for (auto& v : same.values()) v = 2;
  const auto fit = fit_kmeans(same.view(), {.clusters = 8, .balance = 1}, one).value();
  EXPECT_EQ(largest(fit), 500u);
  EXPECT_EQ(fit.error, 0);
  for (const double bad : {-1.0, double(NAN), double(INFINITY)})
    EXPECT_EQ(fit_kmeans(rows.view(), {.clusters = 8, .balance = bad}, one).error().message,
              "k-means balance: it must be a number from 0 on");
}

TEST(KMeans, AnEmptyClusterSplitsTheWorstOne) {
  // Sampling for the start takes 64 rows per cluster; here nearly all rows are equal, so the
  // start often sees one point only and the far rows have to come in by splitting.
  Matrix<float> rows(20000, 2);
  for (std::size_t i = 0; i < 6; ++i) rows(i * 3001, 0) = 10.0f * static_cast<float>(i + 1);
  Executor executor(2);
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const auto fit = fit_kmeans(rows.view(), {.clusters = 7, .seed = seed}, executor).value();
    EXPECT_EQ(std::set(fit.codes.begin(), fit.codes.end()).size(), 7u);
    EXPECT_NEAR(fit.error, 0, 1e-10);
  }
}

TEST(KMeans, RefusesBadNumbersByPlace) {
  Executor executor(1);
  Matrix<float> rows(5, 3);
  const auto message = [&] {
    const auto fit = fit_kmeans(rows.view(), {.clusters = 2}, executor);
    return fit.ok() ? std::string("fitted") : fit.error().message;
  };
  rows(3, 1) = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(message(), "row 3, column 1 is not a finite number");
  rows(3, 1) = -std::numeric_limits<float>::infinity();
  EXPECT_EQ(message(), "row 3, column 1 is not a finite number");
  rows(3, 1) = 1e20f;
  EXPECT_EQ(message(), "row 3, column 1 is larger than 1e15");
  rows(3, 1) = 1e15f;
  EXPECT_EQ(message(), "fitted");
  EXPECT_FALSE(fit_kmeans({rows.values().data(), 0, 3}, {}, executor).ok());
  EXPECT_FALSE(fit_kmeans(rows.view(), {.clusters = 0}, executor).ok());
}

TEST(KMeans, StopsWhenAsked) {
  Executor executor(1);
  const auto rows = blobs(3, 10, 2, 1);
  const auto fit = fit_kmeans(rows.view(), {.clusters = 3, .keep_going = [] { return false; }}, executor);
  ASSERT_FALSE(fit.ok());
  EXPECT_EQ(fit.error().code, ErrorCode::cancelled);
}

/// Rows in groups, so many and of so many clusters that assignment is screened where the CPU can.
TEST(KMeans, ManyClustersEqualPlainLloyd) {
  constexpr std::size_t kRows = 5000, kDim = 12, kClusters = 300, kSteps = 6;
  Rng rng(5);
  Matrix<float> rows(kRows, kDim), start(kClusters, kDim);
  for (std::size_t i = 0; i < kRows; ++i)
    for (auto& v : rows.row(i)) v = static_cast<float>(rng.uniform() + 0.25 * double(i % 40));
  for (std::size_t k = 0; k < kClusters; ++k) std::ranges::copy(rows.row(k * 7), start.row(k).begin());  // of every group
  const KMeansOptions options{.clusters = kClusters, .iterations = kSteps, .tolerance = 0, .start = start.view()};
  Executor one(1), two(2);
  const auto fit = fit_kmeans(rows.view(), options, one).value();
  EXPECT_EQ(fit.centroids.values(), fit_kmeans(rows.view(), options, two).value().centroids.values());
  ASSERT_EQ(fit.splits, 0u);

  Matrix<double> centroids(kClusters, kDim);
  for (std::size_t at = 0; at < start.values().size(); ++at) centroids.values()[at] = start.values()[at];
  double error = 0;
  std::vector<std::size_t> codes(kRows);
  for (std::size_t step = 0; step <= kSteps; ++step) {
    error = 0;
    for (std::size_t i = 0; i < kRows; ++i) {
      double least = std::numeric_limits<double>::infinity();
      for (std::size_t k = 0; k < kClusters; ++k) {
        double distance = 0;
        for (std::size_t j = 0; j < kDim; ++j) distance += (rows(i, j) - centroids(k, j)) * (rows(i, j) - centroids(k, j));
        if (distance < least) least = distance, codes[i] = k;
      }
      error += least / kRows;
    }
    if (step == kSteps) break;
    std::vector<double> counts(kClusters, 0);
    Matrix<double> sums(kClusters, kDim);
    for (std::size_t i = 0; i < kRows; ++i) {
      ++counts[codes[i]];
      for (std::size_t j = 0; j < kDim; ++j) sums(codes[i], j) += rows(i, j);
    }
    for (std::size_t k = 0; k < kClusters; ++k)
      for (std::size_t j = 0; j < kDim && counts[k] > 0; ++j) centroids(k, j) = sums(k, j) / counts[k];
  }
  EXPECT_NEAR(fit.error / error, 1, 1e-3);  // near-ties may fall the other way in float
}

}  // namespace
}  // namespace penchant::semantic_id
