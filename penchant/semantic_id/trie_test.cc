#include "penchant/semantic_id/trie.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "penchant/base/rng.h"

namespace penchant::semantic_id {
namespace {

using BySid = std::map<std::vector<Code>, std::vector<ItemId>>;  // the slow, obviously right model
constexpr std::uint32_t kCodebook = 5;

struct Catalogue {
  std::size_t depth = 1;
  std::vector<Code> codes;  // [n, depth]
  std::vector<ItemId> items;
  MatrixView<const Code> sids() const { return {codes.data(), items.size(), depth}; }
  BySid by_sid() const {
    BySid model;
    for (std::size_t r = 0; r < items.size(); ++r) {
      const auto row = sids().row(r);
      model[{row.begin(), row.end()}].push_back(items[r]);
    }
    for (auto& [sid, owners] : model) std::ranges::sort(owners);
    return model;
  }
};

Catalogue random_catalogue(std::uint64_t seed, std::size_t n, std::size_t depth) {
  Rng rng(seed);
  Catalogue c{depth, {}, {}};
  std::vector<std::uint32_t> ids(3 * n);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::uint32_t>(i);
  rng.shuffle(std::span(ids));
  for (std::size_t r = 0; r < n; ++r) {
    c.items.push_back(ItemId{ids[r]});
    for (std::size_t l = 0; l < depth; ++l) c.codes.push_back(static_cast<Code>(rng.below(kCodebook)));
  }
  return c;
}

struct Walked {
  BySid leaves;
  std::map<std::vector<Code>, std::set<ItemId>> below;  // items under every prefix
  std::map<std::vector<Code>, ItemTrie::Node> nodes;
};

void walk(const ItemTrie& trie, ItemTrie::Node node, std::vector<Code>& path, Walked& out) {
  out.nodes[path] = node;
  const auto below = trie.items_below(node);
  out.below[path] = {below.begin(), below.end()};
  EXPECT_EQ(out.below[path].size(), below.size()) << "an item twice below one node";
  EXPECT_EQ(trie.find(path), node);
  if (!path.empty()) {
    EXPECT_EQ(trie.code(node), path.back());
  }
  if (const auto items = trie.items_at(node); !items.empty()) {
    EXPECT_TRUE(trie.is_leaf(node));
    out.leaves[path] = {items.begin(), items.end()};
  }
  std::vector<Code> reached;
  for (Code code = 0; code < kCodebook; ++code) {  // present and absent codes alike
    const auto next = trie.child(node, code);
    if (!next) continue;
    reached.push_back(code);
    path.push_back(code);
    walk(trie, *next, path, out);
    path.pop_back();
  }
  EXPECT_TRUE(std::ranges::equal(reached, trie.children(node).codes));
}

TEST(ItemTrie, AcceptsExactlyTheCatalogue) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto c = random_catalogue(seed, /*n=*/1 + seed, /*depth=*/1 + seed % 4);  // collisions
    const auto trie = ItemTrie::build(c.sids(), c.items, kCodebook).value();
    std::vector<Code> path;
    Walked walked;
    walk(trie, ItemTrie::Node::root, path, walked);
    EXPECT_EQ(walked.leaves, c.by_sid()) << "seed " << seed;
    EXPECT_EQ(walked.nodes.size(), trie.nodes());
    EXPECT_EQ(trie.size(), c.items.size());
    for (const auto& [prefix, items] : walked.below) {
      std::set<ItemId> expected;
      for (const auto& [sid, owners] : c.by_sid())
        if (std::equal(prefix.begin(), prefix.end(), sid.begin()))
          expected.insert(owners.begin(), owners.end());
      EXPECT_EQ(items, expected) << "seed " << seed;
    }
  }
}

TEST(ItemTrie, MaskMarksExactlyThePrefixesOfAllowedItems) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const auto c = random_catalogue(seed, 1 + seed, 1 + seed % 4);
    const auto trie = ItemTrie::build(c.sids(), c.items, kCodebook).value();
    Rng rng(seed + 1000);
    const double share = seed % 3 == 0 ? 0.02 : 0.4;
    Bitmap allowed(seed % 5 == 0 ? c.items.size() : 3 * c.items.size());  // short: the rest is not allowed
    for (std::size_t i = 0; i < allowed.size(); ++i)
      if (rng.uniform() < share) allowed.set(i);
    const auto mask = trie.mask(allowed);
    ASSERT_EQ(mask.size(), trie.nodes());
    std::vector<Code> path;
    Walked walked;
    walk(trie, ItemTrie::Node::root, path, walked);
    for (const auto& [prefix, node] : walked.nodes) {
      bool expected = false;
      for (const auto item : walked.below[prefix]) expected |= allowed.test(catalog::index(item));
      EXPECT_EQ(mask.test(static_cast<std::uint32_t>(node)), expected) << "seed " << seed;
      EXPECT_EQ(trie.any_below(node, allowed), expected) << "seed " << seed;
    }
  }
}

TEST(ItemTrie, BuildNamesTheRowWhoseCodeIsOutOfRange) {
  const Catalogue c{/*depth=*/2, {0, 1, 1, 5}, {ItemId{7}, ItemId{8}}};
  const auto trie = ItemTrie::build(c.sids(), c.items, kCodebook);
  ASSERT_FALSE(trie.ok());
  EXPECT_EQ(trie.error().message, "row 1: code 5 is not below codebook_size 5");
}

TEST(ItemTrie, BuildRefusesWhatItCannotHold) {
  const std::vector<Code> codes{0, 1, 2};
  const std::vector<ItemId> items{ItemId{1}, ItemId{0}, ItemId{1}};
  const auto message = [&](MatrixView<const Code> sids, std::uint32_t size) {
    const auto trie = ItemTrie::build(sids, items, size);
    return trie.ok() ? std::string("built") : trie.error().message;
  };
  EXPECT_EQ(message({codes.data(), 3, 1}, kCodebook), "row 2: item 1 already owns row 0");
  EXPECT_EQ(message({codes.data(), 2, 1}, kCodebook), "semantic IDs have 2 rows for 3 items");
  EXPECT_EQ(message({codes.data(), 3, 0}, kCodebook), "semantic IDs have no levels");
  EXPECT_EQ(message({codes.data(), 3, 1}, 0), "codebook_size 0 is not in 1..65536");
  EXPECT_EQ(message({codes.data(), 3, 1}, 65537), "codebook_size 65537 is not in 1..65536");
}

TEST(ItemTrie, TheEmptyTrieHasNothingAnywhere) {
  const auto built = ItemTrie::build({nullptr, 0, 3}, {}, kCodebook).value();
  EXPECT_EQ(built.depth(), 3u);
  for (const auto& trie : {ItemTrie{}, built}) {
    EXPECT_EQ(trie.nodes(), 0u);
    EXPECT_EQ(trie.size(), 0u);
    EXPECT_TRUE(trie.children(ItemTrie::Node::root).codes.empty());
    EXPECT_TRUE(trie.items_at(ItemTrie::Node::root).empty());
    EXPECT_TRUE(trie.items_below(ItemTrie::Node::root).empty());
    EXPECT_FALSE(trie.child(ItemTrie::Node::root, 0).has_value());
    EXPECT_FALSE(trie.find({}).has_value());
    EXPECT_EQ(trie.mask(Bitmap(10, true)).size(), 0u);
  }
}

TEST(ItemTrie, TheLargestCodeHasItsPlace) {
  const std::vector<Code> codes{65535, 0, 65535, 65535};
  const std::vector<ItemId> items{ItemId{0}, ItemId{1}};
  const auto trie = ItemTrie::build({codes.data(), 2, 2}, items, 65536).value();
  const std::vector<Code> path{65535, 65535};
  EXPECT_THAT(trie.items_at(*trie.find(path)), testing::ElementsAre(ItemId{1}));
}

}  // namespace
}  // namespace penchant::semantic_id
