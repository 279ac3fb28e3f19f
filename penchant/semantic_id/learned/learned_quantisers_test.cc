#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "penchant/base/random_matrix_testing.h"
#include "penchant/semantic_id/collisions.h"
#include "penchant/semantic_id/quantiser.h"
#include "penchant/semantic_id/report.h"
#include "penchant/semantic_id/topical_testing.h"

namespace penchant::semantic_id {
namespace {

using ::testing::HasSubstr;

/// Every item with a few others of the same `group`.
std::vector<ItemPair> pairs_within(std::size_t n, std::size_t groups, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<ItemPair> pairs;
  for (std::uint32_t i = 0; i < n; ++i)
    for (int k = 0; k < 5; ++k) {
      const auto other = static_cast<std::uint32_t>((i % groups) + groups * rng.below(n / groups));
      if (other != i) pairs.push_back({i, other});
    }
  return pairs;
}

class LearnedQuantiser : public ::testing::TestWithParam<std::string_view> {
 protected:
  Result<QuantiserFit> fit(const Matrix<float>& vectors, QuantiserOptions options = {},
                           std::size_t threads = 1) {
    const auto pairs = pairs_within(vectors.rows(), std::min<std::size_t>(vectors.rows(), 10), 1);
    if (options.pairs.empty()) options.pairs = pairs;
    Executor executor(threads);
    return fit_quantiser(GetParam(), vectors.view(), options, executor);
  }
};
INSTANTIATE_TEST_SUITE_P(Both, LearnedQuantiser, ::testing::Values("rqvae", "behaviour"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(LearnedQuantiser, UsesItsCodesAndCohereMoreWithDepth) {
  Executor executor(2);
  const auto vectors = topical(1500, 24, 60, 1);
  const auto made = fit(vectors, {.codebook = 32, .steps = 600}, 2).value();
  const auto resolved =
      resolve_collisions(made.codebooks, vectors.view(), made.codes.view(), executor).value();
  const auto report = make_report(made.codebooks, vectors.view(), resolved.codes.view(), executor).value();
  for (const auto& level : report.levels) EXPECT_GE(level.used, 31u) << "dead codes";
  EXPECT_GE(report.unique_share, 0.99);
  EXPECT_LT(report.levels[1].error, report.levels[0].error);
  EXPECT_LT(report.levels[2].error, report.levels[1].error);
  EXPECT_GT(report.coherence[1].cosine, report.coherence[0].cosine + 0.1);
  EXPECT_GT(report.coherence[1].encoded, report.coherence[0].encoded + 0.1);
  EXPECT_GE(report.coherence[2].encoded, report.coherence[1].encoded);
  EXPECT_EQ(report.dim, 24u);
  EXPECT_EQ(report.encoded_dim, made.codebooks.dim());
}

TEST_P(LearnedQuantiser, SameSeedSameBytesOnAnyThreads) {
  const auto vectors = topical(400, 12, 10, 2);
  const auto one = fit(vectors, {.codebook = 16, .steps = 100, .seed = 5}, 1).value();
  const auto two = fit(vectors, {.codebook = 16, .steps = 100, .seed = 5}, 2).value();
  EXPECT_EQ(one.codes.values(), two.codes.values());
  EXPECT_EQ(one.level_error, two.level_error);
  for (std::size_t k = 0; k < one.codebooks.encoder()->layers().size(); ++k)
    EXPECT_EQ(one.codebooks.encoder()->layers()[k].weight.values(),
              two.codebooks.encoder()->layers()[k].weight.values());
  EXPECT_NE(fit(vectors, {.codebook = 16, .steps = 100, .seed = 6}).value().codes.values(),
            one.codes.values());
}

TEST_P(LearnedQuantiser, AnItemThatComesLaterGetsTheCodesItWouldHaveGot) {
  const auto vectors = topical(300, 12, 10, 3);
  const auto made = fit(vectors, {.codebook = 8, .steps = 100}).value();
  std::vector<ItemId> items;
  for (std::uint32_t i = 0; i < 300; ++i) items.push_back(ItemId{i});
  const auto trie = ItemTrie::build(made.codes.view(), items, made.codebooks.codebook()).value();
  for (std::size_t i = 0; i < 300; i += 23) {
    const auto placed = place_new_item(made.codebooks, trie, vectors.row(i)).value();
    EXPECT_TRUE(std::ranges::equal(placed.id.codes, made.codes.row(i))) << i;
    EXPECT_EQ(placed.known_levels, 3u);
  }
}

TEST_P(LearnedQuantiser, RefusesABadVectorByTheNameOfItsItem) {
  auto vectors = random_matrix(30, 2, 3);
  vectors(1, 1) = std::numeric_limits<float>::quiet_NaN();
  std::vector<std::string> names(30, "x");
  names[1] = "tt0111161";
  EXPECT_EQ(fit(vectors, {.names = names}).error().message,
            "content vector of item \"tt0111161\" (row 1): number 1 is not finite; correct or leave out this "
            "vector");
  EXPECT_THAT(fit(random_matrix(30, 2, 1), {.levels = 17}).error().message, HasSubstr("levels"));
}

TEST_P(LearnedQuantiser, TakesWhatHasNothingToLearnFrom) {
  const std::vector<ItemPair> pair{{0, 1}};
  Matrix<float> equal(50, 3), far(50, 3), near(50, 3);
  std::ranges::fill(equal.values(), 0.7F);
  const auto numbers = random_matrix(50, 3, 4);
  for (std::size_t i = 0; i < 150; ++i) {
    far.values()[i] = numbers.values()[i] * 2e15F;
    near.values()[i] = numbers.values()[i] * 1e-30F;
  }
  for (const auto* vectors : {&equal, &far, &near}) {
    const auto made = fit(*vectors, {.steps = 100});
    ASSERT_TRUE(made.ok()) << made.error().message;
    EXPECT_TRUE(made->codebooks.check_codes(made->codes.view()).ok());
    for (const double error : made->level_error) EXPECT_TRUE(std::isfinite(error));
  }
  const auto same = fit(equal, {.steps = 20}).value();
  for (std::size_t i = 1; i < 50; ++i) EXPECT_TRUE(std::ranges::equal(same.codes.row(i), same.codes.row(0)));
  // Fewer items than codes: every one has its own.
  const auto few = fit(random_matrix(5, 3, 5), {.codebook = 16, .steps = 50, .pairs = pair}).value();
  std::set<Code> first;
  for (std::size_t i = 0; i < 5; ++i) first.insert(few.codes(i, 0));
  EXPECT_EQ(first.size(), 5u);
}

TEST_P(LearnedQuantiser, ManyDuplicatesShareCodesUntilThePolicyDealsThemOut) {
  Executor executor(2);
  Matrix<float> vectors(20000, 2);
  for (std::size_t i = 0; i < vectors.rows(); ++i) {
    vectors(i, 0) = i % 3 == 0 ? 1.0F : 0.5F;
    vectors(i, 1) = i % 3 == 1 ? 1.0F : -0.5F;
  }
  const auto made = fit(vectors, {.codebook = 16, .steps = 50}, 2).value();
  for (std::size_t i = 3; i < 3000; ++i)
    EXPECT_TRUE(std::ranges::equal(made.codes.row(i), made.codes.row(i % 3)));
  const auto resolved =
      resolve_collisions(made.codebooks, vectors.view(), made.codes.view(), executor).value();
  EXPECT_GE(resolved.overfull_prefixes, 1u);
}

TEST_P(LearnedQuantiser, ReportsProgressAndStops) {
  std::uint64_t calls = 0, last = 0;
  const auto vectors = topical(300, 6, 10, 6);
  ASSERT_TRUE(fit(vectors, {.codebook = 8,
                            .steps = 100,
                            .progress =
                                [&](const Progress& p) {
                                  EXPECT_LE(p.done, p.total);
                                  last = p.done;
                                  return ++calls > 0;
                                }})
                  .ok());
  EXPECT_GT(calls, 8u);
  EXPECT_GT(last, 0u);
  for (const std::uint64_t stop_at : {std::uint64_t{1}, std::uint64_t{8}, calls - 1}) {
    calls = 0;
    const auto stopped =
        fit(vectors,
            {.codebook = 8, .steps = 100, .progress = [&](const Progress&) { return ++calls < stop_at; }});
    ASSERT_FALSE(stopped.ok()) << stop_at;
    EXPECT_EQ(stopped.error().code, ErrorCode::cancelled);
  }
}

TEST(RqVae, OneItemAndNothingButZeros) {
  Executor executor(1);
  EXPECT_TRUE(fit_quantiser("rqvae", random_matrix(1, 4, 1).view(), {.steps = 30}, executor).ok());
  EXPECT_TRUE(fit_quantiser("rqvae", Matrix<float>(20, 4).view(), {.steps = 30}, executor).ok());
}

/// Content of 8 visible kinds; who takes one kind takes another that looks nothing like it.
TEST(Behaviour, CodesFollowWhatPeopleTakeTogetherWhereContentDoesNot) {
  Executor executor(1);
  constexpr std::uint32_t kKinds = 8, kItems = 800;
  const auto vectors = topical(kItems, 16, kKinds, 7);
  Rng rng(8);
  std::vector<ItemPair> pairs;
  for (std::uint32_t i = 0; i < kItems / 2; ++i)  // the later half is never touched
    for (int k = 0; k < 6; ++k) {
      const std::uint32_t partner = (i % kKinds) ^ 1u;  // kinds 0 and 1, 2 and 3, … go together
      pairs.push_back({i, partner + kKinds * static_cast<std::uint32_t>(rng.below(kItems / 2 / kKinds))});
    }
  const auto share = [&](const QuantiserFit& fit, std::uint32_t from) {
    std::size_t same = 0, all = 0;
    for (std::uint32_t i = from; i + 1 < from + kItems / 2; i += 2, ++all)
      same += fit.codes(i, 0) == fit.codes(i + 1, 0);  // i is even: its kind and the next go together
    return static_cast<double>(same) / static_cast<double>(all);
  };
  const QuantiserOptions options{.codebook = 4, .steps = 200, .pairs = pairs};
  const auto plain = fit_quantiser("residual-kmeans", vectors.view(), options, executor).value();
  const auto aware = fit_quantiser("behaviour", vectors.view(), options, executor).value();
  EXPECT_GT(share(aware, 0), 0.95);
  EXPECT_GT(share(aware, kItems / 2), 0.9) << "items without an event, from their content";
  EXPECT_LT(share(plain, 0), 0.8);
}

TEST(Behaviour, SaysWhatIsMissing) {
  Executor executor(1);
  auto vectors = random_matrix(10, 4, 1);
  const auto refused = [&](std::vector<ItemPair> pairs) {
    return fit_quantiser("behaviour", vectors.view(), {.pairs = pairs}, executor).error().message;
  };
  EXPECT_THAT(refused({}), HasSubstr("no two items with content follow each other in the training events"));
  EXPECT_THAT(refused({{3, 3}}), HasSubstr("no two items"));
  EXPECT_EQ(refused({{3, 10}}), "a pair names row 10 of 10");
  std::ranges::fill(vectors.row(2), 0.0F);
  EXPECT_THAT(refused({{2, 5}}), HasSubstr("no two items with content"));
}

}  // namespace
}  // namespace penchant::semantic_id
