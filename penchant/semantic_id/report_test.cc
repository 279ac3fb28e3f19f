#include "penchant/semantic_id/report.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <sstream>

#include "penchant/base/rng.h"
#include "penchant/semantic_id/collisions.h"
#include "penchant/semantic_id/residual_kmeans.h"
#include "penchant/semantic_id/topical_testing.h"

namespace penchant::semantic_id {
namespace {

struct Trained {
  Matrix<float> vectors;
  QuantiserFit fit;
  CollisionOutcome out;
  SidReport report;
};

Trained train(Matrix<float> vectors, std::uint32_t codebook) {
  Executor executor(2);
  auto fit = train_residual_kmeans(vectors.view(), {.codebook = codebook}, executor).value();
  auto out = resolve_collisions(fit.codebooks, vectors.view(), fit.codes.view(), executor).value();
  auto report = make_report(fit.codebooks, vectors.view(), out.codes.view(), executor).value();
  return {std::move(vectors), std::move(fit), std::move(out), std::move(report)};
}

TEST(SidReport, CountsWhatIsThere) {
  auto vectors = topical(800, 12, 20, 1);
  for (std::size_t i = 790; i < 800; ++i) std::ranges::fill(vectors.row(i), 0.0f);
  const auto t = train(std::move(vectors), 16);
  const auto& r = t.report;
  EXPECT_EQ(r.items, 800u);
  EXPECT_EQ(r.codebook, 16u);
  EXPECT_EQ(r.dim, 12u);
  EXPECT_EQ(r.without_content, 10u);
  EXPECT_EQ(r.moved, t.out.moved);
  EXPECT_EQ(r.shared, t.out.shared);
  EXPECT_EQ(r.shared_before, t.out.shared_before);
  std::set<std::vector<Code>> before, after;
  std::set<Code> first;
  for (std::size_t i = 0; i < 800; ++i) {
    before.insert({t.fit.codes.row(i).begin(), t.fit.codes.row(i).end()});
    after.insert({t.out.codes.row(i).begin(), t.out.codes.row(i).end()});
    first.insert(t.out.codes(i, 0));
  }
  EXPECT_EQ(r.distinct_before, before.size());
  EXPECT_EQ(r.distinct, after.size());
  EXPECT_GE(r.distinct, r.distinct_before);
  EXPECT_EQ(r.levels[0].used, first.size());
  EXPECT_NEAR(r.unique_share, 1 - double(r.shared) / 800, 1e-12);
}

TEST(SidReport, LevelsSayHowEvenlyCodesAreUsedAndWhatIsLeftOver) {
  // 4 codes, each of 25 items: entropy 2 bits, perplexity 4.
  std::vector<Matrix<float>> books{Matrix<float>({0, 1, 2, 3}, 4, 1), Matrix<float>({0, 0, 0, 0}, 4, 1)};
  const auto codebooks = Codebooks::create(std::move(books)).value();
  Matrix<float> vectors(100, 1);
  Matrix<Code> codes(100, 2);
  for (std::size_t i = 0; i < 100; ++i) {
    vectors(i, 0) = static_cast<float>(i % 4) + 0.5f;
    codes(i, 0) = static_cast<Code>(i % 4);
  }
  Executor executor(1);
  const auto r = make_report(codebooks, vectors.view(), codes.view(), executor).value();
  EXPECT_EQ(r.levels[0].used, 4u);
  EXPECT_EQ(r.levels[0].largest, 25u);
  EXPECT_DOUBLE_EQ(r.levels[0].entropy_bits, 2);
  EXPECT_DOUBLE_EQ(r.levels[0].perplexity, 4);
  EXPECT_DOUBLE_EQ(r.levels[0].error, 0.25);
  EXPECT_NEAR(r.levels[0].explained, 1 - 0.25 / 5.25, 1e-12);  // mean of .25, 2.25, 6.25, 12.25
  EXPECT_EQ(r.levels[1].used, 1u);
  EXPECT_DOUBLE_EQ(r.levels[1].perplexity, 1);
  EXPECT_EQ(r.largest_id, 25u);
  EXPECT_DOUBLE_EQ(r.unique_share, 0);
}

TEST(SidReport, JudgesEveryLevelByItsOwnSize) {
  Executor executor(1);
  const auto vectors = topical(600, 8, 10, 6);
  const auto fit = train_residual_kmeans(vectors.view(), {.codebooks = {32, 8}}, executor).value();
  const auto report = make_report(fit.codebooks, vectors.view(), fit.codes.view(), executor).value();
  EXPECT_EQ(report.codebook, 32u);
  EXPECT_EQ(report.levels[1].codebook, 8u);
  EXPECT_EQ(report.levels[1].used, 8u);
  EXPECT_LE(report.levels[1].perplexity, 8.0001);
  const auto text = to_text(report);
  EXPECT_NE(text.find("2 levels of up to 32 codes"), std::string::npos) << text;
  EXPECT_NE(text.find("    8 (100 %)"), std::string::npos) << text;
}

TEST(SidReport, ItemsThatShareMoreCodesAreMoreAlike) {
  const auto t = train(topical(2000, 16, 30, 2), 16);
  EXPECT_GT(t.report.levels[0].explained, 0.5);
  EXPECT_GT(t.report.levels[2].explained, t.report.levels[0].explained);
  const auto& c = t.report.coherence;
  ASSERT_EQ(c.size(), 4u);
  EXPECT_NEAR(c[0].cosine, 0, 0.15);
  EXPECT_GT(c[1].low, c[0].high + 0.3);
  EXPECT_GT(c[2].low, c[1].high);
  EXPECT_EQ(c[3].pairs == 0, t.report.shared == 0);
  for (const auto& x : c) {
    EXPECT_LE(x.low, x.cosine);
    EXPECT_GE(x.high, x.cosine);
  }
}

TEST(SidReport, IsTheSameForASeedAndEmptyForNoItems) {
  const auto t = train(topical(500, 8, 10, 3), 8);
  Executor three(3);
  EXPECT_EQ(to_json(t.report),
            to_json(make_report(t.fit.codebooks, t.vectors.view(), t.out.codes.view(), three).value()));
  const auto none = make_report(t.fit.codebooks, {nullptr, 0, 8}, {nullptr, 0, 3}, three).value();
  EXPECT_EQ(none.items, 0u);
  EXPECT_FALSE(to_text(none).empty());
  EXPECT_FALSE(make_report(t.fit.codebooks, t.vectors.view(), {nullptr, 0, 3}, three).ok());
}

TEST(SidReport, TextFitsTheTerminalAndJsonHasTheNumbers) {
  const auto t = train(topical(1500, 8, 10, 4), 1024);
  std::istringstream lines(to_text(t.report));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100u) << line;
  const auto json = to_json(t.report);
  EXPECT_TRUE(json.starts_with(
      "{\"items\":1500,\"codebook\":1024,\"dim\":8,\"without_content\":0,\"levels\":[{\"codebook\":1024,"));
  EXPECT_TRUE(json.ends_with("}]}"));
  EXPECT_NE(json.find("\"unique_share\":1,\"coherence\":[{\"length\":0,\"pairs\":4000,"), std::string::npos)
      << json;
  SidReport odd;
  odd.unique_share = NAN;
  EXPECT_NE(to_json(odd).find("\"unique_share\":null"), std::string::npos);
}

}  // namespace
}  // namespace penchant::semantic_id
