#include "penchant/semantic_id/pieces/ngrams.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace penchant::semantic_id {
namespace {

using Rows = std::vector<std::uint32_t>;

Rows rows_of(const PieceRule& rule, const std::vector<Code>& codes, std::uint64_t key = 1) {
  Rows rows;
  rule.list(key, codes, rows);
  return rows;
}

std::unique_ptr<PieceRule> make(NgramKind kind, std::vector<std::uint32_t> codebooks, std::uint32_t rows) {
  return ngrams(kind, codebooks, rows, 7).value();
}

/// All paths of three levels.
template <class F>
void each_path(const std::vector<std::uint32_t>& books, const F& visit) {
  for (Code a = 0; a < books[0]; ++a)
    for (Code b = 0; b < books[1]; ++b)
      for (Code c = 0; c < books[2]; ++c) visit(std::vector<Code>{a, b, c});
}

TEST(Ngrams, ATableThatHoldsEveryValueGivesEveryValueItsOwnRow) {
  const std::vector<std::uint32_t> books{3, 4, 5};
  const std::map<NgramKind, std::uint32_t> enough{
      {NgramKind::unigram, 12}, {NgramKind::bigram, 32}, {NgramKind::prefix, 3 + 12 + 60}};
  for (const auto& [kind, rows] : enough) {
    const auto rule = make(kind, books, rows);
    std::map<std::uint32_t, std::set<std::vector<Code>>> meaning;  // row -> what it stands for
    each_path(books, [&](const std::vector<Code>& path) {
      const auto listed = rows_of(*rule, path);
      for (std::size_t p = 0; p < listed.size(); ++p) {
        std::vector<Code> gram{static_cast<Code>(p)};
        const std::size_t first = kind == NgramKind::prefix ? 0 : p;
        const std::size_t last = p + (kind == NgramKind::bigram ? 2 : 1);
        gram.insert(gram.end(), path.begin() + static_cast<std::ptrdiff_t>(first), path.begin() + static_cast<std::ptrdiff_t>(last));
        meaning[listed[p]].insert(gram);
      }
    });
    EXPECT_EQ(meaning.size(), rows) << name_of(kind);
    for (const auto& [row, grams] : meaning) {
      EXPECT_LT(row, rows);
      EXPECT_EQ(grams.size(), 1u) << name_of(kind) << " row " << row;
    }
  }
}

TEST(Ngrams, ASmallTableKeepsCoarsePrefixesApartAndHashesTheRest) {
  const std::vector<std::uint32_t> books{8, 8, 8};
  const auto rule = make(NgramKind::prefix, books, 40);
  std::map<std::uint32_t, std::set<Code>> first_codes;
  each_path(books, [&](const std::vector<Code>& path) {
    const auto rows = rows_of(*rule, path);
    ASSERT_EQ(rows.size(), 3u);
    first_codes[rows[0]].insert(path[0]);
    EXPECT_LT(*std::ranges::max_element(rows), 40u);
    EXPECT_GE(rows[1], 8u) << "no fine prefix on a row of a coarse one";
    EXPECT_GE(rows[2], 8u);
  });
  EXPECT_EQ(first_codes.size(), 8u);
}

TEST(Ngrams, ItemsWithTheSamePathHaveTheSameRowsAndVariationsArePrefixes) {
  const auto rule = make(NgramKind::prefix, {16, 16, 16}, 1000);
  const std::vector<Code> path{3, 9, 1};
  const auto whole = rows_of(*rule, path, 1);
  EXPECT_EQ(whole, rows_of(*rule, path, 2));
  Rng rng(1);
  std::set<std::size_t> lengths;
  for (int draw = 0; draw < 40; ++draw) {
    Rows rows;
    rule->list_varied(1, path, rng, rows);
    lengths.insert(rows.size());
    EXPECT_TRUE(std::ranges::equal(rows, std::span(whole).first(rows.size())));
  }
  EXPECT_EQ(lengths, (std::set<std::size_t>{1, 2}));
}

TEST(Ngrams, OneLevelAndHugeCodebooksWork) {
  EXPECT_EQ(rows_of(*make(NgramKind::bigram, {4}, 4), {2}).size(), 1u);
  const std::vector<std::uint32_t> huge(16, 65536);
  const auto rows = rows_of(*make(NgramKind::prefix, huge, 100'000), std::vector<Code>(16, 65535));
  EXPECT_EQ(rows.size(), 16u);
  EXPECT_LT(*std::ranges::max_element(rows), 100'000u);
}

TEST(Ngrams, SayWhatIsTooSmall) {
  EXPECT_THAT(ngrams(NgramKind::prefix, std::vector<std::uint32_t>{4, 4, 4}, 2, 1).error().message, testing::HasSubstr("2 rows"));
  EXPECT_FALSE(ngrams(NgramKind::prefix, std::vector<std::uint32_t>{}, 8, 1).ok());
  EXPECT_FALSE(ngrams(NgramKind::unigram, std::vector<std::uint32_t>{4, 0}, 8, 1).ok());
}

TEST(HashedIds, SpreadEvenlyAndDependOnTheSeedAlone) {
  const auto rule = hashed_ids(64, 1).value(), other = hashed_ids(64, 2).value();
  std::vector<int> load(64, 0);
  int moved = 0;
  for (int i = 0; i < 6400; ++i) {
    const auto key = key_of("item" + std::to_string(i));
    const auto row = rows_of(*rule, {}, key)[0];
    ++load[row];
    moved += rows_of(*other, {}, key)[0] != row ? 1 : 0;
  }
  EXPECT_GT(*std::ranges::min_element(load), 60);
  EXPECT_LT(*std::ranges::max_element(load), 150);
  EXPECT_GT(moved, 6000);
  EXPECT_FALSE(hashed_ids(0, 1).ok());
}

TEST(ItemPieces, HoldWhatTheRuleLists) {
  const auto rule = make(NgramKind::prefix, {4, 4}, 20);
  Matrix<Code> codes(5, 2);
  std::vector<std::uint64_t> keys(5);
  for (std::size_t i = 0; i < 5; ++i) {
    codes(i, 0) = static_cast<Code>(i % 4);
    codes(i, 1) = static_cast<Code>((i * 3) % 4);
  }
  const auto pieces = list_pieces(*rule, keys, codes.view(), 1);
  ASSERT_EQ(pieces.items(), 5u);
  EXPECT_EQ(pieces.table_rows, 20u);
  for (std::size_t i = 0; i < 5; ++i) {
    const auto rows = rows_of(*rule, {codes(i, 0), codes(i, 1)});
    EXPECT_TRUE(std::ranges::equal(pieces.of(i), rows));
    for (std::size_t v = 0; v < ItemPieces::kVariations; ++v) EXPECT_EQ(pieces.varied_of(i, v).size(), 1u);
  }
}

}  // namespace
}  // namespace penchant::semantic_id
