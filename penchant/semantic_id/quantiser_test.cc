#include "penchant/semantic_id/quantiser.h"

#include <gtest/gtest.h>

#include "penchant/base/random_matrix_testing.h"
#include "penchant/semantic_id/product_quantiser.h"
#include "penchant/semantic_id/residual_kmeans.h"

namespace penchant::semantic_id {
namespace {

TEST(Quantiser, IsTheOneThatIsNamed) {
  Executor executor(1);
  const auto vectors = random_matrix(300, 8, 1);
  const QuantiserOptions options{.codebook = 8, .seed = 3};
  const auto codes = [&](std::string_view name) {
    return fit_quantiser(name, vectors.view(), options, executor).value().codes.values();
  };
  EXPECT_EQ(codes("residual-kmeans"),
            train_residual_kmeans(vectors.view(), options, executor).value().codes.values());
  EXPECT_EQ(codes("pq"), train_product_quantiser(vectors.view(), options, executor).value().codes.values());
  EXPECT_EQ(codes("opq"),
            train_optimised_product_quantiser(vectors.view(), options, executor).value().codes.values());
  EXPECT_EQ(fit_quantiser("lsh", vectors.view(), options, executor).error().message,
            "quantiser \"lsh\" is not known: use one of residual-kmeans, pq, opq, rqvae, behaviour");
}

TEST(Quantiser, EveryOneTakesSizesPerLevelAndBalance) {
  Executor executor(1);
  const auto vectors = random_matrix(400, 7, 2);
  std::vector<ItemPair> pairs;
  for (std::uint32_t i = 0; i < 390; ++i) pairs.push_back({i, i + 1 + i % 7});
  for (const auto name : quantiser_names()) {
    QuantiserOptions options{.codebooks = {16, 8, 4, 2}, .steps = 200, .pairs = pairs};
    const auto plain = fit_quantiser(name, vectors.view(), options, executor).value();
    EXPECT_TRUE(plain.codebooks.check_codes(plain.codes.view()).ok());
    EXPECT_EQ(plain.codebooks.codebook(3), 2u);
    options.balance = 1;
    const auto even = fit_quantiser(name, vectors.view(), options, executor).value();
    EXPECT_NE(even.codes.values(), plain.codes.values()) << name;
    EXPECT_LT(even.level_error.back(), 1.2 * plain.level_error.back()) << name;
    options.balance = -1;
    EXPECT_FALSE(fit_quantiser(name, vectors.view(), options, executor).ok()) << name;
  }
}

TEST(Quantiser, PairsOfAHistoryAreItsNeighbours) {
  std::vector<ItemPair> pairs;
  const std::vector<std::uint32_t> history{4, 7, 7, 2, 4};
  add_pairs(history, pairs);
  add_pairs(std::span(history).first(1), pairs);
  add_pairs({}, pairs);
  ASSERT_EQ(pairs.size(), 3u);
  EXPECT_EQ(pairs[0].first, 4u);
  EXPECT_EQ(pairs[0].second, 7u);
  EXPECT_EQ(pairs[1].first, 7u);
  EXPECT_EQ(pairs[1].second, 2u);
  EXPECT_EQ(pairs[2].first, 2u);
}

}  // namespace
}  // namespace penchant::semantic_id
