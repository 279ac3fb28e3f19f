#include "penchant/semantic_id/fit_ids.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "penchant/base/random_matrix_testing.h"
#include "penchant/semantic_id/quantiser.h"
#include "penchant/semantic_id/topical_testing.h"

namespace penchant::semantic_id {
namespace {

FittedIds fitted(const Matrix<float>& vectors, const QuantiserOptions& options = {},
                 CollisionPolicy policy = CollisionPolicy::reassign) {
  Executor executor(2);
  return fit_ids(kResidualKMeans, vectors.view(), options, {.policy = policy}, executor).value();
}

TEST(FitIds, AnOrdinaryCatalogueKeepsTheRule) {
  const auto ids = fitted(random_matrix(1000, 6, 1));
  EXPECT_EQ(ids.fit.codebooks.codebook(), choose_codebook(1000));
  EXPECT_LE(ids.resolved.shared, 20u);
  EXPECT_NE(ids.sizes.find("the number of items is 32, with which 0.0 % share an ID"), std::string::npos) << ids.sizes;
  EXPECT_EQ(fitted(random_matrix(1000, 6, 1), {.codebook = 4}).sizes, "as given");
  EXPECT_EQ(fitted(random_matrix(1000, 6, 1), {.codebooks = {9, 5}}).fit.codebooks.codebook(), 9u);
}

TEST(FitIds, ACrowdedCatalogueGetsMoreCodes) {
  // 25 tight groups of 40 items, two levels: 32 last codes are too few for a group, 64 are not.
  auto vectors = random_matrix(1000, 6, 2);
  const auto centres = random_matrix(25, 6, 3);
  for (std::size_t i = 0; i < 1000; ++i)
    for (std::size_t j = 0; j < 6; ++j) vectors(i, j) = 10 * centres(i % 25, j) + 0.01f * vectors(i, j);
  const QuantiserOptions two{.levels = 2};
  const auto ids = fitted(vectors, two);
  EXPECT_GT(ids.fit.codebooks.codebook(), 32u) << ids.sizes;
  EXPECT_NE(ids.sizes.find("; with 64 "), std::string::npos) << ids.sizes;
  EXPECT_EQ(ids.sizes, fitted(vectors, two).sizes);
  EXPECT_EQ(fitted(vectors, two, CollisionPolicy::extra).fit.codebooks.codebook(), 32u)
      << "an extra level tells them apart";
}

TEST(FitIds, EveryPolicyWorksOnWhatAnEncoderMakesOfTheContent) {
  Executor executor(2);
  const auto vectors = topical(400, 12, 5, 4);
  const QuantiserOptions how{.codebooks = {8, 128}, .steps = 200};
  for (const auto name : collision_policy_names()) {
    const auto policy = parse_collision_policy(name).value();
    const auto ids = fit_ids("rqvae", vectors.view(), how, {.policy = policy}, executor).value();
    const auto& books = ids.fit.codebooks;
    ASSERT_NE(books.encoder(), nullptr);
    ASSERT_NE(books.dim(), vectors.cols()) << "otherwise the widths are not told apart";
    EXPECT_LT(ids.resolved.shared, ids.resolved.shared_before) << name;
    const auto resolved = resolved_codebooks(books, ids.resolved);
    EXPECT_EQ(resolved.levels(), policy == CollisionPolicy::extra ? 3u : 2u);
    EXPECT_EQ(resolved.encoder(), books.encoder());
    EXPECT_EQ(resolved.content_dim(), 12u);
    EXPECT_TRUE(resolved.check_codes(ids.resolved.codes.view()).ok());
    if (policy != CollisionPolicy::extra) continue;
    EXPECT_EQ(resolved.codeword(2, 0).size(), books.dim());
    const auto placed = resolved.assign(vectors.row(0)).value();
    EXPECT_TRUE(std::ranges::equal(std::span(placed.codes).first(2), ids.fit.codes.row(0)));
    EXPECT_EQ(placed.codes[2], 0u);
  }
}

TEST(FitIds, EqualItemsAreNotHelpedByMoreCodes) {
  auto vectors = random_matrix(1000, 6, 3);
  for (std::size_t i = 0; i < 600; ++i) std::ranges::fill(vectors.row(i), 0.25f);
  const auto ids = fitted(vectors);
  EXPECT_EQ(ids.fit.codebooks.codebook(), 32u) << ids.sizes;
  EXPECT_NE(ids.sizes.find("larger ones do not help"), std::string::npos) << ids.sizes;
}

}  // namespace
}  // namespace penchant::semantic_id
