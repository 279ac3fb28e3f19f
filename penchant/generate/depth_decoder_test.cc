#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

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
    const auto decoder = random_decoder(shape_of(levels, 16, 16), seed, 3);
    const auto hidden = random_state(16, seed);
    const auto exact = exhaustive_scores(*decoder, hidden, c.trie, c.id_count()).value();
    const auto found = beam_search(*decoder, hidden, c.trie, {.beam = c.trie.nodes()}).value();
    ASSERT_EQ(found.size(), c.items.size());
    for (const auto& f : found) EXPECT_NEAR(f.log_prob, exact[catalog::index(f.item)], kTolerance);
    auto sorted = exact;
    std::ranges::sort(sorted, std::greater{});
    for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i].log_prob, sorted[i], kTolerance);
  }
}

TEST(DepthDecoderBeam, PathScoresAreProbabilitiesOverAllIds) {
  // Every one of the 4^3 IDs exists: their probabilities add up to one.
  std::vector<std::uint16_t> codes;
  std::vector<catalog::ItemId> items;
  for (std::uint32_t i = 0; i < 64; ++i) {
    for (const std::uint32_t code : {i / 16, i / 4 % 4, i % 4})
      codes.push_back(static_cast<std::uint16_t>(code));
    items.push_back(catalog::ItemId{i});
  }
  const auto trie = semantic_id::ItemTrie::build({codes.data(), 64, 3}, items, 4).value();
  const auto decoder = random_decoder(shape_of(3, 4, 8), 1, 2);
  const auto scores = exhaustive_scores(*decoder, random_state(8, 2), trie, 64).value();
  double sum = 0;
  for (const float s : scores) sum += std::exp(double(s));
  EXPECT_NEAR(sum, 1, 1e-5);
}

TEST(DepthDecoderBeam, BatchesOfPrefixesDoNotChangeTheScores) {
  // More than 1,024 two-code prefixes: exhaustive scoring takes several batches. Compare with a
  // scorer that walks each path alone.
  const RandomCatalogue c(7, 6000, 3, 64);
  const auto decoder = random_decoder(shape_of(3, 64, 16), 7, 3);
  const auto hidden = random_state(16, 7);
  const auto exact = exhaustive_scores(*decoder, hidden, c.trie, c.id_count()).value();
  for (std::size_t r = 0; r < c.items.size(); r += 53) {
    nn::DepthDecoder::Cache cache;
    const auto path = c.path(r);
    const std::uint32_t parent = 0;
    float score = decoder->start(hidden, cache)(0, path[0]);
    for (std::size_t l = 1; l < 3; ++l)
      score += decoder->next({&parent, 1}, path.subspan(l - 1, 1), cache)(0, path[l]);
    EXPECT_NEAR(exact[catalog::index(c.items[r])], score, kTolerance);
  }
}

TEST(DepthDecoderBeam, RecallAgainstExhaustiveScoring) {
  const RandomCatalogue c(1, 12000, 3, 128);
  const auto decoder = random_decoder(shape_of(3, 128, 32), 1, 4);
  constexpr std::size_t kBeams[7] = {8, 16, 32, 64, 128, 256, 512};
  double recall[7] = {};
  constexpr std::uint64_t kUsers = 10;
  for (std::uint64_t user = 0; user < kUsers; ++user) {
    const auto hidden = random_state(32, user);
    auto scores = exhaustive_scores(*decoder, hidden, c.trie, c.id_count()).value();
    auto sorted = scores;
    std::ranges::nth_element(sorted, sorted.begin() + 9, std::greater{});
    for (std::size_t b = 0; b < 7; ++b) {
      const auto found = beam_search(*decoder, hidden, c.trie, {.beam = kBeams[b], .items = 10}).value();
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
  const auto decoder = random_decoder(shape_of(3, 8, 16), 1);
  const auto found = beam_search(*decoder, std::vector<float>(15), c.trie, {});
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().message, "the user state has 15 numbers, the generator expects 16");
  EXPECT_FALSE(exhaustive_scores(*decoder, std::vector<float>(17), c.trie, 40).ok());
}

}  // namespace
}  // namespace penchant::generate
