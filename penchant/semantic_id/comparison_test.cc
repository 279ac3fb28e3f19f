#include "penchant/semantic_id/comparison.h"

#include <gtest/gtest.h>

#include <sstream>

#include "penchant/base/random_matrix_testing.h"
#include "penchant/semantic_id/topical_testing.h"

namespace penchant::semantic_id {
namespace {

TEST(Comparison, SaysOfEveryQuantiserWhatItsOwnReportSays) {
  Executor executor(1);
  const FixedClock clock(0);
  const auto vectors = random_matrix(500, 6, 3);
  const std::vector<std::string> names{"opq", "residual-kmeans"};
  const auto compared =
      compare_quantisers(vectors.view(), names, {.codebooks = {16, 8, 8}}, executor, clock).value();
  ASSERT_EQ(compared.size(), 2u);
  for (std::size_t q = 0; q < 2; ++q) {
    EXPECT_EQ(compared[q].name, names[q]);
    EXPECT_EQ(compared[q].codebooks, (std::vector<std::uint32_t>{16, 8, 8}));
    EXPECT_EQ(compared[q].report.items, 500u);
    EXPECT_LE(compared[q].unique_before, compared[q].report.unique_share);
    EXPECT_EQ(compared[q].seconds, 0);
  }
  const auto json = to_json(compared);
  EXPECT_TRUE(json.starts_with("{\"quantisers\":[{\"quantiser\":\"opq\",\"codebooks\":[16,8,8],")) << json;
  EXPECT_NE(json.find("}]}},{\"quantiser\":\"residual-kmeans\""), std::string::npos) << json;
  std::istringstream lines(to_text(compared));
  std::size_t levels = 0;
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 100u) << line;
    levels += line.find(" of ") != std::string::npos && line.find('%') != std::string::npos;
  }
  EXPECT_EQ(levels, 6u) << to_text(compared);
}

TEST(Comparison, CountsHowOftenTheNextItemHasTheSameCodes) {
  Executor executor(1);
  // Two places far apart, three items each: one code per place at level 1.
  Matrix<float> vectors(6, 2);
  for (std::size_t i = 0; i < 6; ++i) {
    vectors(i, 0) = i < 3 ? 10.0F : -10.0F;
    vectors(i, 1) = static_cast<float>(i % 3);
  }
  const std::vector<std::string> names{"residual-kmeans", "rqvae"};
  const std::vector<ItemPair> next{{0, 1}, {1, 2}, {3, 4}, {0, 4}};
  const auto compared = compare_quantisers(vectors.view(), names, {.codebooks = {2, 4}}, executor,
                                           FixedClock(0), {.next = next})
                            .value();
  for (const auto& c : compared) ASSERT_EQ(c.next.size(), 2u);
  EXPECT_NEAR(compared[0].next[0].share, 0.75, 1e-12);
  // Firsts: 3 of 4 in the first place; nexts: 2 of 4.
  EXPECT_NEAR(compared[0].next[0].chance, 0.75 * 0.5 + 0.25 * 0.5, 1e-12);
  EXPECT_EQ(compared[0].next[1].share, 0) << "after the collision policy every item has its own ID";
  EXPECT_NE(to_json(compared).find("\"next_item\":[{\"share\":0.75,\"chance\":0.5}"), std::string::npos);
  const auto text = to_text(compared);
  EXPECT_NE(text.find("1: 75.0 % (50.0 %)"), std::string::npos) << text;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100u) << line;
}

TEST(Comparison, TakesACollisionPolicyAndAsksNothingOfALevelThatOnlyCounts) {
  Executor executor(1);
  const auto vectors = topical(300, 8, 10, 3);
  std::vector<ItemPair> next;
  for (std::uint32_t i = 0; i + 10 < 300; ++i) next.push_back({i, i + 10});
  const std::vector<std::string> names{"residual-kmeans", "rqvae"};
  const auto compared = compare_quantisers(vectors.view(), names, {.levels = 2, .codebook = 10, .steps = 200}, executor, FixedClock(0),
                                           {.collisions = {.policy = CollisionPolicy::extra}, .next = next})
                            .value();
  for (const auto& c : compared) {
    EXPECT_EQ(c.report.levels.size(), 3u) << c.name;
    EXPECT_EQ(c.next.size(), 2u) << c.name;
    EXPECT_GT(c.next[0].share, c.next[0].chance) << c.name << ": pairs are of one topic";
    EXPECT_GT(c.report.unique_share, c.unique_before) << c.name;
  }
  EXPECT_EQ(compared[0].report.encoded_dim, 0u);
  EXPECT_GT(compared[1].report.encoded_dim, 0u);
  EXPECT_NE(to_text(compared).find("policy (extra)"), std::string::npos) << to_text(compared);
}

TEST(Comparison, NamesTheQuantiserThatFailed) {
  Executor executor(1);
  const auto narrow = random_matrix(20, 2, 4);
  const std::vector<std::string> names{"residual-kmeans", "pq"}, unknown{"pq", "lsh"};
  EXPECT_EQ(compare_quantisers(narrow.view(), names, {}, executor, FixedClock(0)).error().message,
            "pq: product quantisation cuts a vector into 3 parts; content vectors have only 2 numbers");
  EXPECT_FALSE(compare_quantisers(narrow.view(), unknown, {}, executor, FixedClock(0)).ok());
}

}  // namespace
}  // namespace penchant::semantic_id
