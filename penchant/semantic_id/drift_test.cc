#include "penchant/semantic_id/drift.h"

#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <sstream>

#include "penchant/base/rng.h"
#include "penchant/semantic_id/residual_kmeans.h"

namespace penchant::semantic_id {
namespace {

/// Rows around `centre` in the first coordinate.
Matrix<float> cloud(std::size_t n, float centre, std::uint64_t seed) {
  Rng rng(seed);
  Matrix<float> rows(n, 6);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < 6; ++j)
      rows(i, j) = (j == 0 ? centre : 0) + static_cast<float>(rng.uniform() - 0.5);
  return rows;
}

TEST(Drift, ItemsLikeThoseOfTrainingDoNotDriftAndForeignOnesDo) {
  Executor executor(1);
  const auto trained = cloud(2000, 1, 1);
  const auto books = train_residual_kmeans(trained.view(), {.codebook = 8}, executor).value().codebooks;
  const auto alike = measure_drift(books, trained.view(), cloud(1000, 1, 2).view(), executor).value();
  ASSERT_EQ(alike.levels.size(), 3u);
  for (const auto& level : alike.levels) {
    EXPECT_NEAR(level.added, level.trained, 0.03);
    EXPECT_GT(level.limit, level.trained);
    EXPECT_LT(level.outliers, 0.04);
  }
  EXPECT_GT(alike.levels[0].trained, alike.levels[2].trained);
  const auto foreign = measure_drift(books, trained.view(), cloud(50, 5, 3).view(), executor).value();
  EXPECT_EQ(foreign.levels[2].outliers, 1);
  EXPECT_GT(foreign.levels[0].added, 3 * foreign.levels[0].trained);
  std::istringstream text(to_text(foreign));
  for (std::string row; std::getline(text, row);) EXPECT_LE(row.size(), 100u) << row;
  EXPECT_NE(to_json(foreign).find("\"outliers\":1"), std::string::npos);
}

TEST(Drift, IsMeasuredWhereTheLevelsQuantise) {
  Executor executor(1);
  // Only the second number counts: what makes the new items foreign is lost before the codebooks.
  std::vector<DenseLayer> layers;
  layers.push_back({Matrix<float>({0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}, 2, 6), {1, 0}});
  const auto encoder = std::make_shared<const ContentEncoder>(ContentEncoder::create(std::move(layers)).value());
  const auto trained = cloud(500, 1, 1), added = cloud(200, 5, 2);
  const auto encoded = encoder->encode(trained.view(), executor).value();
  const auto books =
      train_residual_kmeans(encoded.view(), {.codebook = 8}, executor).value().codebooks.with_encoder(encoder).value();
  const auto drift = measure_drift(books, trained.view(), added.view(), executor).value();
  ASSERT_EQ(drift.levels.size(), 3u);
  for (const auto& level : drift.levels) {
    EXPECT_NEAR(level.added, level.trained, 0.03);
    EXPECT_LT(level.outliers, 0.06);
  }
  EXPECT_LT(drift.levels[0].limit, 1) << "encoded rows have length one";
}

TEST(Drift, ItemsWithoutContentAreCountedApart) {
  Executor executor(1);
  const auto trained = cloud(100, 1, 1);
  const auto books = train_residual_kmeans(trained.view(), {.codebook = 4}, executor).value().codebooks;
  const auto none = measure_drift(books, trained.view(), Matrix<float>(3, 6).view(), executor).value();
  EXPECT_EQ(none.added, 0u);
  EXPECT_EQ(none.without_content, 3u);
  EXPECT_TRUE(none.levels.empty());
  auto broken = cloud(3, 1, 1);
  broken(1, 1) = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(measure_drift(books, trained.view(), broken.view(), executor).ok());
  EXPECT_FALSE(measure_drift(books, trained.view(), Matrix<float>({1, 1}, 1, 2).view(), executor).ok());
}

}  // namespace
}  // namespace penchant::semantic_id
