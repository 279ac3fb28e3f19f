#include "penchant/semantic_id/product_quantiser.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "penchant/semantic_id/collisions.h"
#include "penchant/semantic_id/nearest.h"
#include "penchant/semantic_id/residual_kmeans.h"
#include "penchant/semantic_id/rotation.h"

namespace penchant::semantic_id {
namespace {

using Train = Result<QuantiserFit> (*)(MatrixView<const float>, const QuantiserOptions&, Executor&);
constexpr Train kBoth[] = {train_product_quantiser, train_optimised_product_quantiser};

/// Rows whose variance falls off fast from axis to axis, then mixed so that every number depends on all.
Matrix<float> correlated(std::size_t n, std::size_t dim, std::uint64_t seed) {
  Rng rng(seed);
  Matrix<float> mix(dim, dim), rows(n, dim);
  for (auto& v : mix.values()) v = static_cast<float>(rng.uniform() - 0.5);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t axis = 0; axis < dim; ++axis) {
      const double length = (rng.uniform() - 0.5) * std::pow(0.7, static_cast<double>(axis));
      for (std::size_t j = 0; j < dim; ++j) rows(i, j) += static_cast<float>(length) * mix(axis, j);
    }
  return rows;
}

TEST(Subspaces, CoverEveryNumberOnceAlsoWhereTheyCannotBeEqual) {
  for (const std::size_t dim : {3, 7, 16, 384})
    for (std::size_t levels = 1; levels <= 3; ++levels) {
      std::size_t next = 0;
      for (const auto part : subspaces(dim, levels)) {
        EXPECT_EQ(part.first, next);
        EXPECT_GE(part.width, dim / levels);
        EXPECT_LE(part.width, dim / levels + 1);
        next += part.width;
      }
      EXPECT_EQ(next, dim);
    }
}

TEST(ProductQuantiser, AssignsWhatEverySubspaceByItselfAssigns) {
  Executor executor(2);
  const auto vectors = correlated(500, 10, 1);
  const auto fit = train_product_quantiser(vectors.view(), {.codebooks = {16, 8, 4}}, executor).value();
  const auto parts = subspaces(10, 3);
  for (std::size_t l = 0; l < 3; ++l)
    for (Code k = 0; k < fit.codebooks.codebook(l); ++k)
      for (std::size_t j = 0; j < 10; ++j)
        if (j < parts[l].first || j >= parts[l].first + parts[l].width) {
          EXPECT_EQ(fit.codebooks.codeword(l, k)[j], 0);
        }
  for (std::size_t i = 0; i < vectors.rows(); ++i)
    for (std::size_t l = 0; l < 3; ++l) {
      const auto own = [&](std::span<const float> v) { return v.subspan(parts[l].first, parts[l].width); };
      std::size_t best = 0;
      std::vector<float> distances;
      for (Code k = 0; k < fit.codebooks.codebook(l); ++k)
        distances.push_back(squared_distance(own(vectors.row(i)), own(fit.codebooks.codeword(l, k))));
      for (std::size_t k = 0; k < distances.size(); ++k)
        if (distances[k] < distances[best]) best = k;
      EXPECT_NEAR(distances[fit.codes(i, l)], distances[best], 1e-6) << "row " << i << ", level " << l;
    }
}

TEST(OptimisedProductQuantiser, AssignsEveryLevelAsIfItStoodAlone) {
  // The levels live in orthogonal subspaces, so what another level has taken away changes no order.
  Executor executor(2);
  const auto vectors = correlated(500, 11, 2);
  const auto fit =
      train_optimised_product_quantiser(vectors.view(), {.codebooks = {16, 8, 4}}, executor).value();
  const auto& books = fit.codebooks;
  for (std::size_t a = 0; a < 3; ++a)
    for (std::size_t b = 0; b < a; ++b)
      for (Code k = 0; k < books.codebook(a); ++k)
        for (Code m = 0; m < books.codebook(b); ++m) {
          double dot = 0;
          for (std::size_t j = 0; j < 11; ++j)
            dot += double{books.codeword(a, k)[j]} * books.codeword(b, m)[j];
          EXPECT_NEAR(dot, 0, 1e-6);
        }
  for (std::size_t i = 0; i < vectors.rows(); ++i)
    for (std::size_t l = 0; l < 3; ++l) {
      float best = INFINITY;
      for (Code k = 0; k < books.codebook(l); ++k)
        best = std::min(best, squared_distance(vectors.row(i), books.codeword(l, k)));
      EXPECT_NEAR(squared_distance(vectors.row(i), books.codeword(l, fit.codes(i, l))), best, 1e-5);
    }
}

TEST(OptimisedProductQuantiser, BeatsThePlainOneOnCorrelatedVectorsAndRoundsHelp) {
  Executor executor(2);
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const auto vectors = correlated(1500, 24, seed);
    QuantiserOptions options{.levels = 4, .codebook = 16, .seed = seed};
    const auto plain = train_product_quantiser(vectors.view(), options, executor).value();
    options.rotation_rounds = 0;
    const auto parametric = train_optimised_product_quantiser(vectors.view(), options, executor).value();
    options.rotation_rounds = 20;
    const auto optimised = train_optimised_product_quantiser(vectors.view(), options, executor).value();
    EXPECT_LT(parametric.level_error.back(), 0.9 * plain.level_error.back());
    EXPECT_LE(optimised.level_error.back(), 1.001 * parametric.level_error.back());
    EXPECT_LT(optimised.level_error.back(), 0.9 * plain.level_error.back());
  }
}

TEST(ProductQuantiser, SameSeedSameBytesOnAnyNumberOfThreads) {
  const auto vectors = correlated(3000, 17, 5);
  Executor one(1), two(2);
  for (const auto train : kBoth) {
    const auto a = train(vectors.view(), {.levels = 4, .codebook = 32, .seed = 9}, one).value();
    const auto b = train(vectors.view(), {.levels = 4, .codebook = 32, .seed = 9}, two).value();
    const auto c = train(vectors.view(), {.levels = 4, .codebook = 32, .seed = 10}, two).value();
    EXPECT_EQ(a.codes.values(), b.codes.values());
    EXPECT_EQ(a.level_error, b.level_error);
    for (std::size_t l = 0; l < 4; ++l)
      for (Code k = 0; k < 32; ++k)
        EXPECT_TRUE(std::ranges::equal(a.codebooks.codeword(l, k), b.codebooks.codeword(l, k)));
    EXPECT_NE(a.codes.values(), c.codes.values());
  }
}

TEST(ProductQuantiser, RefusesWhatItCannotQuantise) {
  Executor executor(1);
  const std::vector<std::string> names{"a", "tt0111161", "c"};
  for (const auto train : kBoth) {
    auto vectors = correlated(3, 4, 6);
    EXPECT_EQ(train(correlated(3, 2, 6).view(), {}, executor).error().message,
              "product quantisation cuts a vector into 3 parts; content vectors have only 2 numbers");
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), INFINITY, -INFINITY}) {
      vectors(1, 2) = bad;
      EXPECT_EQ(train(vectors.view(), {.names = names}, executor).error().message,
                "content vector of item \"tt0111161\" (row 1): number 2 is not finite; correct or leave out "
                "this vector");
    }
    EXPECT_FALSE(train({nullptr, 0, 4}, {}, executor).ok());
  }
  auto vectors = correlated(3, 4, 6);
  vectors(1, 2) = vectors(1, 3) = 9e14f;
  EXPECT_TRUE(train_product_quantiser(vectors.view(), {}, executor).ok());
  EXPECT_EQ(train_optimised_product_quantiser(vectors.view(), {.names = names}, executor).error().message,
            "content vector of item \"tt0111161\" is longer than 1e15; correct or leave out this vector");
}

TEST(ProductQuantiser, FewOrEqualItemsAreRepresentedExactly) {
  Executor executor(1);
  for (const auto train : kBoth)
    for (const std::size_t n : {1, 2, 5, 3000})
      for (const float value : {0.0f, 1.0f, 1e6f}) {
        Matrix<float> vectors(n, 5);
        for (auto& v : vectors.values()) v = value;
        const auto fit = train(vectors.view(), {.codebook = 16}, executor).value();
        EXPECT_NEAR(fit.level_error.back(), 0, 1e-9 * value * value) << n << " rows of " << value;
        for (std::size_t i = 0; i < n; ++i)
          EXPECT_TRUE(std::ranges::equal(fit.codes.row(i), fit.codes.row(0)));
      }
  for (const auto train : kBoth) {  // five different rows, fewer than the codes and than the numbers
    const auto five = correlated(5, 12, 7);
    Matrix<float> vectors(4000, 12);
    for (std::size_t i = 0; i < 4000; ++i) std::ranges::copy(five.row(i % 5), vectors.row(i).begin());
    const auto fit = train(vectors.view(), {.codebook = 16}, executor).value();
    EXPECT_NEAR(fit.level_error.back(), 0, 1e-10);
    for (std::size_t i = 0; i < 4000; ++i)
      EXPECT_TRUE(std::ranges::equal(fit.codes.row(i), fit.codes.row(i % 5)));
  }
}

TEST(ProductQuantiser, CollisionsAreResolvedAsForAnyCodebooks) {
  Executor executor(1);
  const auto vectors = correlated(600, 9, 8);
  for (const auto train : kBoth) {
    const auto fit = train(vectors.view(), {.codebook = 16}, executor).value();
    const auto out = resolve_collisions(fit.codebooks, vectors.view(), fit.codes.view(), executor).value();
    EXPECT_GT(out.shared_before, 0u);
    EXPECT_LT(out.shared, out.shared_before);
  }
}

TEST(ProductQuantiser, StopsWhenAskedAndCountsUpToItsTotal) {
  Executor executor(1);
  const auto vectors = correlated(200, 6, 9);
  for (const auto train : kBoth) {
    std::uint64_t last = 0;
    const ProgressSink sink = [&](const Progress& p) {
      EXPECT_GE(p.done, last);
      EXPECT_LT(p.done, p.total);
      last = p.done;
      return true;
    };
    EXPECT_TRUE(train(vectors.view(), {.codebook = 8, .progress = sink}, executor).ok());
    EXPECT_GT(last, 0u);
    const auto stopped = train(vectors.view(), {.progress = [](const Progress&) { return false; }}, executor);
    ASSERT_FALSE(stopped.ok());
    EXPECT_EQ(stopped.error().code, ErrorCode::cancelled);
  }
}

TEST(Rotations, StartWithOrthogonalAxesOfEvenVariance) {
  Executor executor(2);
  const auto rows = correlated(800, 12, 10);
  const std::vector<std::size_t> widths{4, 4, 4};
  const auto rotation = principal_rotation(rows.view(), widths, executor);
  const auto turned = rotate(rotation, rows.view(), executor);
  std::vector<double> log_products;
  for (std::size_t l = 0; l < 3; ++l) {
    double sum = 0;
    for (std::size_t j = 4 * l; j < 4 * l + 4; ++j) {
      double mean = 0, square = 0;
      for (std::size_t i = 0; i < 800; ++i) mean += turned(i, j) / 800.0;
      for (std::size_t i = 0; i < 800; ++i) square += (turned(i, j) - mean) * (turned(i, j) - mean) / 800.0;
      sum += std::log(square);
    }
    log_products.push_back(sum);
  }
  EXPECT_LT(std::ranges::max(log_products) - std::ranges::min(log_products), 4);
  for (std::size_t a = 0; a < 12; ++a)
    for (std::size_t b = 0; b < 12; ++b) {
      double dot = 0;
      for (std::size_t j = 0; j < 12; ++j) dot += rotation(a, j) * rotation(b, j);
      EXPECT_NEAR(dot, a == b ? 1 : 0, 1e-12);
    }
}

TEST(Rotations, ProcrustesFindsTheRotationThatWasApplied) {
  Executor executor(1);
  const auto rows = correlated(300, 8, 11);
  const std::vector<std::size_t> widths{8};
  const auto wanted = principal_rotation(correlated(300, 8, 12).view(), widths, executor);
  Rotation identity(8, 8);
  for (std::size_t i = 0; i < 8; ++i) identity(i, i) = 1;
  const auto targets = rotate(wanted, rows.view(), executor);
  Matrix<double> product(8, 8), nothing(8, 8);
  for (std::size_t i = 0; i < 300; ++i)
    for (std::size_t a = 0; a < 8; ++a)
      for (std::size_t b = 0; b < 8; ++b) product(a, b) += double{targets(i, a)} * rows(i, b);
  const auto found = procrustes_rotation(product, identity, executor);
  const auto moved = rotate(found, rows.view(), executor);
  for (std::size_t i = 0; i < 300; ++i) EXPECT_NEAR(squared_distance(moved.row(i), targets.row(i)), 0, 1e-6);
  EXPECT_EQ(procrustes_rotation(nothing, identity, executor).values(), identity.values())
      << "no rows, no reason to turn";
}

}  // namespace
}  // namespace penchant::semantic_id
