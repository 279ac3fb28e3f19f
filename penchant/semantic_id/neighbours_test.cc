#include "penchant/semantic_id/neighbours.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "penchant/base/rng.h"

namespace penchant::semantic_id {
namespace {

TEST(Neighbours, EqualSortingTheWholeCatalogue) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Rng rng(seed);
    const std::size_t n = 1 + rng.below(120), depth = 1 + seed % 4;
    Matrix<Code> codes(n, depth);
    for (auto& c : codes.values()) c = static_cast<Code>(rng.below(4));
    Matrix<float> vectors(n, 3);
    for (auto& v : vectors.values()) v = static_cast<float>(rng.below(5)) - 2;
    std::vector<ItemId> items;
    for (std::uint32_t i = 0; i < n; ++i) items.push_back(ItemId{i});
    const auto trie = ItemTrie::build(codes.view(), items, 4).value();
    Bitmap allowed(n);
    for (std::size_t i = 0; i < n; ++i)
      if (rng.uniform() < 0.7) allowed.set(i);

    const auto self = static_cast<std::uint32_t>(rng.below(n));
    const bool foreign = seed % 3 == 0;  // an item that is not in the trie
    std::vector<Code> id(codes.row(self).begin(), codes.row(self).end());
    if (foreign) id.back() = 7;
    for (const std::size_t min_shared : {0, 1}) {
      NeighbourQuery query{.id = id,
                           .vector = vectors.row(self),
                           .vectors = vectors.view(),
                           .allowed = &allowed,
                           .limit = n,
                           .min_shared = min_shared};
      if (!foreign) query.self = ItemId{self};
      const auto found = neighbours_by_prefix(trie, query);

      std::vector<std::pair<std::size_t, std::uint32_t>> expected;  // (shared, item)
      for (std::uint32_t i = 0; i < n; ++i) {
        std::size_t shared = 0;
        while (shared < depth && codes(i, shared) == id[shared]) ++shared;
        if ((foreign || i != self) && allowed.test(i) && shared >= min_shared)
          expected.emplace_back(shared, i);
      }
      ASSERT_EQ(found.size(), expected.size()) << "seed " << seed;
      for (std::size_t i = 0; i < found.size(); ++i) {
        const auto row = catalog::index(found[i].item);
        EXPECT_TRUE(std::ranges::count(expected, std::pair{found[i].shared_prefix, row}) == 1);
        if (i == 0) continue;
        const auto& a = found[i - 1];
        const auto& b = found[i];
        EXPECT_GE(a.shared_prefix, b.shared_prefix);
        if (a.shared_prefix == b.shared_prefix) {
          EXPECT_GE(a.similarity, b.similarity);
          EXPECT_TRUE(a.similarity != b.similarity || a.item < b.item);
        }
      }
      query.limit = 5;
      const auto few = neighbours_by_prefix(trie, query);
      ASSERT_EQ(few.size(), std::min<std::size_t>(5, found.size()));
      for (std::size_t i = 0; i < few.size(); ++i) EXPECT_EQ(few[i].item, found[i].item);
    }
  }
}

TEST(Neighbours, NoTrieNoVectorsNoNeighbours) {
  const std::vector<Code> id{1, 2};
  EXPECT_TRUE(neighbours_by_prefix(ItemTrie{}, {.id = id}).empty());
  const std::vector<Code> codes{1, 2, 1, 3};
  const std::vector<ItemId> items{ItemId{0}, ItemId{1}};
  const auto trie = ItemTrie::build({codes.data(), 2, 2}, items, 4).value();
  const auto found = neighbours_by_prefix(trie, {.id = id, .self = ItemId{0}});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].item, ItemId{1});
  EXPECT_EQ(found[0].shared_prefix, 1u);
  EXPECT_EQ(found[0].similarity, 0.0f);
}

}  // namespace
}  // namespace penchant::semantic_id
