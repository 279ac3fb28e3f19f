#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "penchant/generate/beam_search.h"
#include "penchant/generate/random_decoder_test.h"
#include "penchant/generate/random_trie_test.h"

namespace penchant::generate {
namespace {

artifact::ModelShape shape_of(std::uint32_t levels, std::uint32_t codebook, std::uint32_t dim) {
  return {.items = 100,
          .dim = dim,
          .layers = 1,
          .heads = 2,
          .ffn = 2 * dim,
          .max_len = 50,
          .depth_layers = 2,
          .levels = levels,
          .codebook = codebook,
          .actions = 1};
}

// A path score is a sum of L log-probabilities of size ~ log K, each from a chain of float sums of
// some thousand terms; a batch of another size may add them in another order.
constexpr float kTolerance = 1e-4f;

TEST(DepthDecoderBeam, WithAnInfiniteBeamEqualsExhaustiveScoring) {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    const auto levels = static_cast<std::uint32_t>(1 + seed % 4);
    const RandomCatalogue c(seed, 5 + 150 * seed, levels, 16);
    const RandomGenerator generator(c, shape_of(levels, 16, 16), seed, 3, seed % 2 == 0 ? 1 : 0);
    const auto hidden = random_state(16, seed);
    const auto exact = exhaustive_scores(generator.view(), hidden, c.id_count()).value();
    const auto found = beam_search(generator.view(), hidden, {.beam = c.trie.nodes()}).value();
    ASSERT_EQ(found.size(), c.items.size());
    for (const auto& f : found) EXPECT_NEAR(f.log_prob, exact[catalog::index(f.item)], kTolerance);
    auto sorted = exact;
    std::ranges::sort(sorted, std::greater{});
    for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i].log_prob, sorted[i], kTolerance);
  }
}

TEST(DepthDecoderBeam, PathScoresAreProbabilitiesOverTheIdsThatExist) {
  for (const float look : {0.0F, 0.7F}) {
    const RandomCatalogue c(3, 90, 3, 8);  // of 512 paths
    const RandomGenerator generator(c, shape_of(3, 8, 8), 1, 2, look);
    const auto scores = exhaustive_scores(generator.view(), random_state(8, 2), c.id_count()).value();
    double sum = 0;
    for (std::uint32_t n = 0; n < c.trie.nodes(); ++n)
      if (const semantic_id::ItemTrie::Node leaf{n}; c.trie.is_leaf(leaf))
        sum += std::exp(double(scores[catalog::index(c.trie.items_at(leaf)[0])]));  // whoever shares an ID has its score
    EXPECT_NEAR(sum, 1, 1e-5);
  }
}

TEST(DepthDecoderBeam, BatchesOfPrefixesDoNotChangeTheScores) {
  // More than 1,024 two-code prefixes: exhaustive scoring takes several batches. Compare with a
  // scorer that walks each path alone, and with scoring of given rows.
  const RandomCatalogue c(7, 6000, 3, 64);
  const RandomGenerator generator(c, shape_of(3, 64, 16), 7, 3, 0.5F);
  const auto hidden = random_state(16, 7);
  const auto exact = exhaustive_scores(generator.view(), hidden, c.id_count()).value();
  std::vector<std::uint32_t> rows;
  for (std::size_t r = 0; r < c.items.size(); r += 53) {
    GeneratorScorer scorer(generator.view(), hidden);
    const auto path = c.path(r);
    const std::uint32_t parent = 0;
    float score = scorer.start()(0, path[0]);
    for (std::size_t l = 1; l < 3; ++l) score += scorer.next({&parent, 1}, path.subspan(l - 1, 1))(0, path[l]);
    EXPECT_NEAR(exact[catalog::index(c.items[r])], score, kTolerance);
    rows.push_back(static_cast<std::uint32_t>(r));
  }
  std::vector<float> given(rows.size());
  path_log_probs(generator.view(), hidden, {c.codes.data(), c.items.size(), 3}, rows, given);
  for (std::size_t k = 0; k < rows.size(); ++k) EXPECT_NEAR(given[k], exact[catalog::index(c.items[rows[k]])], kTolerance);
}

TEST(DepthDecoderBeam, APathThatNobodyHasIsImpossible) {
  const RandomCatalogue c(3, 40, 3, 8);
  const RandomGenerator generator(c, shape_of(3, 8, 8), 1, 2, 1);
  std::vector<std::uint16_t> codes{0, 0, 0};
  while (c.trie.find(codes)) {
    if (++codes[2] == 8) codes[2] = 0, ++codes[1];
    ASSERT_LT(codes[1], 8);
  }
  const std::uint32_t row = 0;
  float score = 0;
  path_log_probs(generator.view(), random_state(8, 2), {codes.data(), 1, 3}, {&row, 1}, {&score, 1});
  EXPECT_EQ(score, -std::numeric_limits<float>::infinity());
}

TEST(DepthDecoderBeam, RecallAgainstExhaustiveScoring) {
  const RandomCatalogue c(1, 12000, 3, 128);
  const RandomGenerator generator(c, shape_of(3, 128, 32), 1, 4, 1);
  constexpr std::size_t kBeams[7] = {8, 16, 32, 64, 128, 256, 512};
  double recall[7] = {};
  constexpr std::uint64_t kUsers = 10;
  for (std::uint64_t user = 0; user < kUsers; ++user) {
    const auto hidden = random_state(32, user);
    auto scores = exhaustive_scores(generator.view(), hidden, c.id_count()).value();
    auto sorted = scores;
    std::ranges::nth_element(sorted, sorted.begin() + 9, std::greater{});
    for (std::size_t b = 0; b < 7; ++b) {
      const auto found = beam_search(generator.view(), hidden, {.beam = kBeams[b], .items = 10}).value();
      for (const auto& f : found)  // within rounding of the tenth score counts as found
        recall[b] +=
            static_cast<double>(scores[catalog::index(f.item)] >= sorted[9] - kTolerance) / (10.0 * kUsers);
    }
  }
  for (std::size_t b = 0; b < 7; ++b) {
    RecordProperty("recall_at_10_beam_" + std::to_string(kBeams[b]), std::to_string(recall[b]));
    if (b > 0) {
      EXPECT_GE(recall[b], recall[b - 1] - 0.02);
    }
  }
  EXPECT_GT(recall[6], 0.9);
}

TEST(DepthDecoderBeam, RefusesAStateOfAnotherWidth) {
  const RandomCatalogue c(1, 20, 3, 8);
  const RandomGenerator generator(c, shape_of(3, 8, 16), 1);
  const auto found = beam_search(generator.view(), std::vector<float>(15), {});
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().message, "the user state has 15 numbers, the generator expects 16");
  EXPECT_FALSE(exhaustive_scores(generator.view(), std::vector<float>(17), 40).ok());
}

}  // namespace
}  // namespace penchant::generate
