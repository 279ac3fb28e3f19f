#include "penchant/generate/beam_search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "penchant/generate/fake_scorer_test.h"
#include "penchant/generate/random_trie_test.h"

namespace penchant::generate {
namespace {

using catalog::ItemId;

/// What an infinite beam must return, by scoring every allowed item on its own.
std::vector<BeamItem> by_hand(const RandomCatalogue& c, const FakeScorer& scorer, const Bitmap* allowed) {
  std::vector<BeamItem> all;
  for (std::size_t r = 0; r < c.items.size(); ++r)
    if (!allowed || allowed->test(catalog::index(c.items[r])))
      all.push_back({c.items[r], scorer.path_score(c.path(r))});
  std::ranges::sort(all, [](const auto& a, const auto& b) {
    return a.log_prob != b.log_prob ? a.log_prob > b.log_prob : a.item < b.item;
  });
  return all;
}

void expect_same(const std::vector<BeamItem>& found, const std::vector<BeamItem>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].item, expected[i].item);
    EXPECT_EQ(found[i].log_prob, expected[i].log_prob);
  }
}

Bitmap random_filter(Rng& rng, std::size_t size, double share) {
  Bitmap allowed(size);
  for (std::size_t i = 0; i < size; ++i)
    if (rng.uniform() < share) allowed.set(i);
  return allowed;
}

TEST(BeamSearch, WithAnInfiniteBeamEqualsScoringEveryItem) {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    const RandomCatalogue c(seed, 1 + 7 * seed, 1 + seed % 4, 3 + seed % 30);
    FakeScorer scorer(c.depth, c.codebook, seed, /*coarse=*/seed % 2 == 1);
    Rng rng(seed);
    const auto allowed = random_filter(rng, c.id_count(), 0.3);
    const auto nodes = c.trie.mask(allowed);
    const std::size_t wide = c.trie.nodes();
    expect_same(beam_search(scorer, c.trie, {.beam = wide}).value(), by_hand(c, scorer, nullptr));
    const auto expected = by_hand(c, scorer, &allowed);
    expect_same(beam_search(scorer, c.trie, {.beam = wide, .allowed = &allowed}).value(), expected);
    expect_same(beam_search(scorer, c.trie, {.beam = wide, .allowed = &allowed, .nodes = &nodes}).value(),
                expected);
  }
}

TEST(ExhaustiveScores, AreThePathScoresOfTheItemsAndNothingElse) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const RandomCatalogue c(seed, 1 + 90 * seed, 1 + seed % 4, 3 + seed % 40);  // > 1024 prefixes too
    FakeScorer scorer(c.depth, c.codebook, seed);
    auto expected = std::vector<float>(c.id_count(), -std::numeric_limits<float>::infinity());
    for (std::size_t r = 0; r < c.items.size(); ++r)
      expected[catalog::index(c.items[r])] = scorer.path_score(c.path(r));
    EXPECT_EQ(exhaustive_scores(scorer, c.trie, c.id_count()).value(), expected);
  }
}

TEST(BeamSearch, NeverEmitsWhatIsIllegalFilteredOrDeletedInAMillionBeams) {
  std::size_t emitted = 0;
  for (std::uint64_t seed = 0; emitted < 1'000'000; ++seed) {
    const RandomCatalogue c(seed, 200 + seed % 2000, 3, 12 + seed % 20);
    const std::set<ItemId> exists(c.items.begin(), c.items.end());
    FakeScorer scorer(3, c.codebook, seed);
    Rng rng(seed + 77);
    auto allowed = random_filter(rng, c.id_count(), seed % 4 == 0 ? 0.01 : 0.5);
    for (int round = 0; round < 4; ++round) {
      const auto nodes = c.trie.mask(allowed);
      for (const std::size_t beam : {1, 33, 513, 256}) {
        const BeamOptions options{
            .beam = beam, .allowed = &allowed, .nodes = beam % 2 == 0 ? &nodes : nullptr};
        const auto found = beam_search(scorer, c.trie, options).value();
        for (std::size_t i = 0; i < found.size(); ++i) {
          ASSERT_TRUE(exists.contains(found[i].item));
          ASSERT_TRUE(allowed.test(catalog::index(found[i].item)));
          ASSERT_TRUE(i == 0 || found[i - 1].log_prob >= found[i].log_prob);
        }
        std::set<ItemId> once;
        for (const auto& f : found) ASSERT_TRUE(once.insert(f.item).second);
        ASSERT_EQ(found.empty(),
                  !std::ranges::any_of(c.items, [&](ItemId i) { return allowed.test(catalog::index(i)); }));
        emitted += found.size();
        for (const auto& f : found)  // deletions between two searches, the best items first
          if (rng.uniform() < 0.3) allowed.reset(catalog::index(f.item));
        if (beam % 2 == 0) break;  // the mask is stale now
      }
    }
  }
  RecordProperty("emitted", static_cast<int>(emitted));
}

TEST(BeamSearch, AFilterCostsNoWidth) {
  // 3 allowed items whose prefixes are the least likely: a beam of 3 finds them all the same.
  const RandomCatalogue c(5, 3000, 3, 20);
  FakeScorer scorer(3, 20, 5);
  auto all = by_hand(c, scorer, nullptr);
  Bitmap allowed(c.id_count());
  for (std::size_t i = all.size() - 3; i < all.size(); ++i) allowed.set(catalog::index(all[i].item));
  const auto found = beam_search(scorer, c.trie, {.beam = 3, .allowed = &allowed}).value();
  expect_same(found, {all.end() - 3, all.end()});
}

TEST(BeamSearch, TheMaskAndTheItemFilterGiveTheSameList) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const RandomCatalogue c(seed, 1500, 3, 16);
    FakeScorer scorer(3, 16, seed, seed % 2 == 0);
    Rng rng(seed);
    const auto allowed = random_filter(rng, c.id_count(), 0.001 * static_cast<double>(1 + seed * 9));
    const auto nodes = c.trie.mask(allowed);
    for (const std::size_t beam : {1, 4, 64})
      expect_same(beam_search(scorer, c.trie, {.beam = beam, .allowed = &allowed}).value(),
                  beam_search(scorer, c.trie, {.beam = beam, .allowed = &allowed, .nodes = &nodes}).value());
  }
}

TEST(BeamSearch, RecallGrowsWithTheBeam) {
  const RandomCatalogue c(1, 12000, 3, 128);
  double recall[7] = {};
  constexpr std::size_t kBeams[7] = {8, 16, 32, 64, 128, 256, 512};
  constexpr int kUsers = 20;
  for (std::uint64_t user = 0; user < kUsers; ++user) {
    FakeScorer scorer(3, 128, user + 1);
    const auto exact = by_hand(c, scorer, nullptr);
    std::set<ItemId> top;
    for (std::size_t i = 0; i < 10; ++i) top.insert(exact[i].item);
    for (std::size_t b = 0; b < 7; ++b) {
      const auto found = beam_search(scorer, c.trie, {.beam = kBeams[b]}).value();
      for (const auto& f : found) recall[b] += static_cast<double>(top.contains(f.item)) / (10.0 * kUsers);
    }
  }
  for (std::size_t b = 0; b < 7; ++b) {
    RecordProperty("recall_at_10_beam_" + std::to_string(kBeams[b]), std::to_string(recall[b]));
    if (b > 0) {
      EXPECT_GE(recall[b], recall[b - 1]);
    }
  }
  EXPECT_GT(recall[6], 0.95);
}

TEST(BeamSearch, ItemsThatShareAnIdShareItsScoreInIdOrder) {
  const std::vector<std::uint16_t> codes{1, 2, 1, 2, 0, 0, 1, 2};
  const std::vector<ItemId> items{ItemId{9}, ItemId{4}, ItemId{1}, ItemId{6}};
  const auto trie = semantic_id::ItemTrie::build({codes.data(), 4, 2}, items, 3).value();
  FakeScorer scorer(2, 3, 1);
  Bitmap allowed(10, true);
  allowed.reset(6);
  const auto found = beam_search(scorer, trie, {.beam = 10, .allowed = &allowed}).value();
  ASSERT_EQ(found.size(), 3u);
  std::vector<ItemId> twins;
  for (const auto& f : found) {
    if (f.item == ItemId{1}) continue;
    twins.push_back(f.item);
    EXPECT_EQ(f.log_prob, scorer.path_score(std::span(codes).first(2)));
  }
  EXPECT_EQ(twins, (std::vector{ItemId{4}, ItemId{9}}));
}

TEST(BeamSearch, ItemsAskedForWidenTheLastLevelAndCutTheList) {
  const RandomCatalogue c(3, 2000, 3, 16);
  FakeScorer scorer(3, 16, 3);
  const auto narrow = beam_search(scorer, c.trie, {.beam = 8}).value();
  const auto more = beam_search(scorer, c.trie, {.beam = 8, .items = 20}).value();
  EXPECT_EQ(more.size(), 20u);
  EXPECT_LT(narrow.size(), 20u);
  expect_same({more.begin(), more.begin() + static_cast<std::ptrdiff_t>(narrow.size())}, narrow);
  EXPECT_EQ(beam_search(scorer, c.trie, {.beam = 8, .items = 2}).value().size(), 2u);
}

TEST(BeamSearch, NothingAllowedOrAnEmptyTrieGivesAnEmptyList) {
  const RandomCatalogue c(3, 100, 3, 8);
  FakeScorer scorer(3, 8, 3);
  const Bitmap none(c.id_count()), empty;
  const auto nodes = c.trie.mask(none);
  EXPECT_TRUE(beam_search(scorer, c.trie, {.allowed = &none}).value().empty());
  EXPECT_TRUE(beam_search(scorer, c.trie, {.allowed = &empty}).value().empty());
  EXPECT_TRUE(beam_search(scorer, c.trie, {.allowed = &none, .nodes = &nodes}).value().empty());
  EXPECT_TRUE(beam_search(scorer, semantic_id::ItemTrie{}, {}).value().empty());
  EXPECT_EQ(exhaustive_scores(scorer, semantic_id::ItemTrie{}, 2).value(),
            std::vector<float>(2, -std::numeric_limits<float>::infinity()));
}

TEST(BeamSearch, StopsWithinOneLevelOfTheDeadline) {
  const RandomCatalogue c(3, 100, 3, 8);
  FakeScorer scorer(3, 8, 3);
  for (int allowed_levels = 0; allowed_levels < 3; ++allowed_levels) {
    int asked = 0;
    const auto found = beam_search(scorer, c.trie, {.expired = [&] { return asked++ == allowed_levels; }});
    ASSERT_FALSE(found.ok());
    EXPECT_EQ(found.error().code, ErrorCode::deadline_exceeded);
  }
  EXPECT_EQ(exhaustive_scores(scorer, c.trie, 200, [] { return true; }).error().code,
            ErrorCode::deadline_exceeded);
}

/// Log-probabilities of a broken network.
class BrokenScorer final : public CodeScorer {
 public:
  [[nodiscard]] std::size_t levels() const override { return 2; }
  [[nodiscard]] std::size_t codebook() const override { return 2; }  // the trie knows four codes
  Matrix<float> start() override { return {{std::nanf(""), -1.0f}, 1, 2}; }
  Matrix<float> next(std::span<const std::uint32_t> parents, std::span<const std::uint16_t>) override {
    Matrix<float> rows(parents.size(), 2);
    for (std::size_t b = 0; b < parents.size(); ++b) rows(b, 1) = -std::numeric_limits<float>::infinity();
    return rows;
  }
  [[nodiscard]] std::unique_ptr<CodeScorer> branch() const override {
    return std::make_unique<BrokenScorer>();
  }
};

TEST(BeamSearch, ImpossiblePathsAndForeignCodesStayOut) {
  const std::vector<std::uint16_t> codes{0, 0, 1, 0, 1, 1, 3, 0, 1, 3};
  std::vector<ItemId> items;
  for (std::uint32_t i = 0; i < 5; ++i) items.push_back(ItemId{i});
  const auto trie = semantic_id::ItemTrie::build({codes.data(), 5, 2}, items, 4).value();
  BrokenScorer scorer;
  expect_same(beam_search(scorer, trie, {}).value(), {{ItemId{1}, -1.0f}});
  constexpr float none = -std::numeric_limits<float>::infinity();
  EXPECT_EQ(exhaustive_scores(scorer, trie, 5).value(), (std::vector{none, -1.0f, none, none, none}));
}

TEST(BeamSearch, RefusesWhatDoesNotFit) {
  const RandomCatalogue c(3, 100, 3, 8);
  FakeScorer scorer(3, 8, 3), shallow(2, 8, 3);
  const Bitmap wrong(7);
  const auto message = [&](CodeScorer& s, const BeamOptions& options) {
    const auto found = beam_search(s, c.trie, options);
    return found.ok() ? std::string("found") : found.error().message;
  };
  EXPECT_EQ(message(scorer, {.beam = 0}), "beam: 0 is not in 1..65536");
  EXPECT_EQ(message(scorer, {.beam = 65537}), "beam: 65537 is not in 1..65536");
  EXPECT_EQ(message(scorer, {.items = 65537}), "items: 65537 is above 65536");
  EXPECT_EQ(message(shallow, {}), "the trie has 3 levels, the generator 2");
  EXPECT_NE(message(scorer, {.nodes = &wrong}).find("it was made for another trie"), std::string::npos);
  EXPECT_FALSE(exhaustive_scores(scorer, c.trie, 3).ok());
}

}  // namespace
}  // namespace penchant::generate
