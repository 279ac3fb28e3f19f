#include "penchant/generate/lookahead.h"

#include <gtest/gtest.h>

#include <cmath>

#include "penchant/generate/beam_search.h"
#include "penchant/generate/random_decoder_test.h"

namespace penchant::generate {
namespace {

using Node = semantic_id::ItemTrie::Node;

artifact::ModelShape shape_of(std::uint32_t codebook, std::uint32_t dim) {
  return {.items = 1, .dim = dim, .layers = 1, .heads = 2, .ffn = dim, .max_len = 8, .depth_layers = 1, .levels = 3,
          .codebook = codebook, .actions = 1};
}

/// log sum exp of the logits of all items below, by definition.
double by_definition(const RandomGenerator& g, std::uint32_t node, std::span<const float> query) {
  double sum = 0;
  for (const auto item : g.catalogue.trie.items_below(Node{node})) {
    double logit = g.bias[catalog::index(item)];
    for (std::size_t k = 0; k < query.size(); ++k) logit += double(query[k]) * g.vectors(catalog::index(item), k);
    sum += std::exp(logit);
  }
  return std::log(sum);
}

/// Largest and mean difference of all prefixes.
std::pair<double, double> errors(const RandomGenerator& g, std::span<const float> query) {
  double worst = 0, sum = 0;
  std::size_t count = 0;
  for (std::uint32_t n = 0; n < g.catalogue.trie.nodes(); ++n) {
    const auto edges = g.catalogue.trie.children(Node{n});
    std::vector<float> scores(edges.codes.size());
    g.lookahead.children(g.catalogue.trie, Node{n}, g.items(), query, scores);
    for (std::uint32_t c = 0; c < scores.size(); ++c, ++count) {
      const double error = std::abs(scores[c] - by_definition(g, edges.first + c, query));
      worst = std::max(worst, error), sum += error;
    }
  }
  return {worst, sum / double(count)};
}

TEST(Lookahead, IsExactWhereAPrefixHoldsFewItems) {
  const RandomCatalogue c(1, 100, 3, 16);  // at most 32 items below a code
  const RandomGenerator g(c, shape_of(16, 8), 1);
  EXPECT_LT(errors(g, random_state(8, 3)).first, 1e-5);
}

TEST(Lookahead, IsExactWhereItemsAreAlike) {
  const RandomCatalogue c(1, 3000, 3, 16);
  RandomGenerator g(c, shape_of(16, 8), 1);
  for (std::size_t i = 0; i < g.vectors.rows(); ++i)  // twenty kinds of items
    for (std::size_t k = 0; k < 8; ++k) g.vectors(i, k) = g.vectors(i % 20, k);
  Executor executor(1);
  g.lookahead = Lookahead::build(c.trie, g.items(), executor).value();
  EXPECT_LT(errors(g, random_state(8, 3)).first, 1e-4);
}

TEST(Lookahead, ComesCloseWhereItHasGroupsAlone) {
  const RandomCatalogue c(1, 3000, 3, 16);
  const RandomGenerator g(c, shape_of(16, 8), 1);
  std::vector<float> query = random_state(8, 3);
  for (float& v : query) v *= 3;  // logits between about -8 and 8
  const auto [worst, mean] = errors(g, query);
  EXPECT_LT(mean, 0.05);
  EXPECT_LT(worst, 1.5);
}

TEST(Lookahead, AnItemAddedLaterLeavesEveryLargePrefixAsItWas) {
  const RandomCatalogue c(2, 2000, 3, 8);
  RandomGenerator g(c, shape_of(8, 8), 1);
  std::vector<catalog::ItemId> items = c.items;
  std::vector<std::uint16_t> codes = c.codes;
  std::uint32_t row = 0;  // a number that no item has
  while (std::ranges::find(items, catalog::ItemId{row}) != items.end()) ++row;
  items.push_back(catalog::ItemId{row});
  codes.insert(codes.end(), {0, 7, 7});
  g.untrained[row] = 1;
  Executor executor(1);
  const auto trie = semantic_id::ItemTrie::build({codes.data(), items.size(), 3}, items, 8).value();
  const auto grown = Lookahead::build(trie, g.items(), executor, &c.trie, &g.lookahead).value();
  const auto anew = Lookahead::build(trie, g.items(), executor).value();
  const auto query = random_state(8, 3);
  const auto roots = [&](const semantic_id::ItemTrie& t, const Lookahead& l) {
    std::vector<float> scores(t.children(Node::root).codes.size());
    l.children(t, Node::root, g.items(), query, scores);
    return scores;
  };
  EXPECT_EQ(roots(trie, grown), roots(c.trie, g.lookahead)) << "every first code has more than " << Lookahead::kGroups << " items";
  EXPECT_EQ(roots(trie, grown), roots(trie, anew)) << "a restart changes nothing";
}

TEST(Lookahead, AloneItIsTheDenseHead) {
  // Nothing but the lookahead, and few items below every code: the path score is the dense log-softmax.
  const RandomCatalogue c(5, 120, 3, 16);
  RandomGenerator g(c, shape_of(16, 8), 1, /*spread=*/0, /*look=*/1);
  const auto hidden = random_state(8, 4);
  const auto scores = exhaustive_scores(g.view(), hidden, c.id_count()).value();
  const auto query = dense_query(g.decoder->shape(), hidden);
  const double whole = by_definition(g, 0, query);
  for (std::size_t r = 0; r < c.items.size(); ++r) {
    const auto leaf = static_cast<std::uint32_t>(*c.trie.find(c.path(r)));
    EXPECT_NEAR(scores[catalog::index(c.items[r])], by_definition(g, leaf, query) - whole, 1e-4);
  }
}

TEST(Lookahead, OfNothingIsEmpty) {
  Executor executor(1);
  EXPECT_TRUE(Lookahead::build({}, {}, executor).ok());
}

}  // namespace
}  // namespace penchant::generate
