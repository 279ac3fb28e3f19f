#include "penchant/semantic_id/pieces/train_vocabulary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace penchant::semantic_id {
namespace {

using ::testing::HasSubstr;

struct Shown {
  std::vector<std::uint32_t> books{8, 8, 8};
  Matrix<Code> codes;
  std::vector<std::uint64_t> impressions;
};

/// Items of which the first are shown most; the second code mostly follows from the first.
Shown draw(std::uint64_t seed, std::size_t n) {
  Rng rng(seed);
  Shown out{.codes = Matrix<Code>(n, 3)};
  for (std::size_t i = 0; i < n; ++i) {
    out.codes(i, 0) = static_cast<Code>(rng.below(8));
    out.codes(i, 1) = static_cast<Code>(rng.uniform() < 0.8 ? (out.codes(i, 0) * 3) % 8 : rng.below(8));
    out.codes(i, 2) = static_cast<Code>(rng.below(8));
    out.impressions.push_back(1 + 4000 / (i + 1));
  }
  return out;
}

Result<Vocabulary> train(const Shown& s, std::uint32_t pieces, std::uint32_t longest = 0) {
  return train_vocabulary(s.codes.view(), s.impressions, s.books, {.pieces = pieces, .longest = longest});
}

std::size_t pieces_of(const Vocabulary& v, std::span<const Code> codes) {
  std::vector<std::uint32_t> cut;
  v.cut(codes, cut);
  return cut.size();
}

TEST(TrainVocabulary, IsAsLargeAsAskedAndHoldsEveryCode) {
  const auto shown = draw(1, 200);
  for (const std::uint32_t size : {24u, 40u, 100u}) {
    const auto v = train(shown, size);
    ASSERT_TRUE(v.ok()) << v.error().message;
    EXPECT_LE(v->pieces().size(), size);
    EXPECT_GE(v->pieces().size() + 3, size);
    EXPECT_EQ(std::ranges::count_if(v->pieces(), [](const auto& p) { return p.codes.size() == 1; }), 24);
  }
  const auto all = train(shown, 100'000);
  ASSERT_TRUE(all.ok()) << "more than there are runs: as many as there are";
  EXPECT_LT(all->pieces().size(), 1000u);
}

TEST(TrainVocabulary, WhatIsShownOftenGetsAPieceOfItsOwn) {
  const auto shown = draw(2, 200);
  const auto v = train(shown, 60).value();
  EXPECT_EQ(pieces_of(v, shown.codes.row(0)), 1u);
  std::size_t head = 0, tail = 0;
  for (std::size_t i = 0; i < 15; ++i) {
    head += pieces_of(v, shown.codes.row(i));
    tail += pieces_of(v, shown.codes.row(199 - i));
  }
  EXPECT_LT(head, tail);
  auto reversed = shown;
  std::ranges::reverse(reversed.impressions);
  EXPECT_EQ(pieces_of(train(reversed, 60).value(), shown.codes.row(199)), 1u);
}

TEST(TrainVocabulary, ItemsThatWereNeverShownChangeNothing) {
  auto shown = draw(3, 120);
  const auto before = train(shown, 80).value();
  Rng rng(9);
  for (int extra = 0; extra < 50; ++extra) {
    shown.codes.append_row(std::vector<Code>{static_cast<Code>(rng.below(8)), static_cast<Code>(rng.below(8)), static_cast<Code>(rng.below(8))});
    shown.impressions.push_back(0);
  }
  const auto after = train(shown, 80).value();
  ASSERT_EQ(before.pieces().size(), after.pieces().size());
  for (std::size_t p = 0; p < before.pieces().size(); ++p) {
    EXPECT_EQ(before.pieces()[p].codes, after.pieces()[p].codes);
    EXPECT_EQ(before.pieces()[p].score, after.pieces()[p].score);
  }
}

TEST(TrainVocabulary, PiecesAreNoLongerThanAsked) {
  const auto v = train(draw(4, 200), 100, 2).value();
  for (const auto& piece : v.pieces()) EXPECT_LE(piece.codes.size(), 2u);
}

TEST(TrainVocabulary, ManyCodesOfManyLevelsFit) {
  Shown s{.books = std::vector<std::uint32_t>(16, 5000), .codes = Matrix<Code>(40, 16)};
  Rng rng(1);
  for (std::size_t i = 0; i < 40; ++i) {
    for (auto& code : s.codes.row(i)) code = static_cast<Code>(rng.below(5000));
    s.impressions.push_back(50);
  }
  const auto v = train(s, 90'000);
  ASSERT_TRUE(v.ok()) << v.error().message;
  EXPECT_EQ(pieces_of(*v, s.codes.row(7)), 1u);
}

TEST(TrainVocabulary, SaysWhatCannotBe) {
  const auto shown = draw(5, 50);
  EXPECT_THAT(train(shown, 23).error().message, HasSubstr("each of the 24 codes"));
  auto none = shown;
  std::ranges::fill(none.impressions, 0);
  EXPECT_THAT(train(none, 60).error().message, HasSubstr("no item was shown"));
  auto wrong = shown;
  wrong.codes(7, 1) = 8;
  EXPECT_THAT(train(wrong, 60).error().message, HasSubstr("row 7: code 8 is not below 8"));
}

}  // namespace
}  // namespace penchant::semantic_id
