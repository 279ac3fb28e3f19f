#include "penchant/text/wordpiece.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penchant::text {
namespace {
using ::testing::HasSubstr;
using Ids = std::vector<std::int32_t>;

WordPiece small() {
  return WordPiece::from_pieces({"[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "toy", "##s", "##tory", "s",
                                 "story", "e", "!", "[", "]", "sep", "中", "##é", "x"})
      .value();
}

TEST(WordPiece, TakesTheLongestPieceFirst) {
  EXPECT_EQ(small().encode("the toys", 16), (Ids{2, 4, 5, 6, 3}));
  EXPECT_EQ(small().encode("toystory", 16), (Ids{2, 5, 6, 7, 3}));
  EXPECT_EQ(small().encode("toystoryx", 16), (Ids{2, 1, 3})) << "no ##x: the whole word is unknown";
}

TEST(WordPiece, LowersStripsAndSplits) {
  EXPECT_EQ(small().encode("THE\u0301 Toy!É", 16), (Ids{2, 4, 5, 11, 10, 3}));
  EXPECT_EQ(small().encode("x中x", 16), (Ids{2, 17, 15, 17, 3}));
  EXPECT_EQ(small().encode("t\u200Bo\x01y", 16), (Ids{2, 5, 3}));
}

TEST(WordPiece, ControlTokensInATextAreText) {
  EXPECT_EQ(small().encode("[SEP]", 16), (Ids{2, 12, 14, 13, 3}));
}

TEST(WordPiece, EmptyAndUnknown) {
  EXPECT_EQ(small().encode("", 16), (Ids{2, 3}));
  EXPECT_EQ(small().encode(" \t", 16), (Ids{2, 3}));
  EXPECT_EQ(small().encode("qqq the", 16), (Ids{2, 1, 4, 3}));
  EXPECT_EQ(small().encode("\xff\xfe the", 16), (Ids{2, 4, 3}));
}

TEST(WordPiece, IsCutAtTheLimitKeepingTheEnd) {
  EXPECT_EQ(small().encode("the toys the toys", 5), (Ids{2, 4, 5, 6, 3}));
  EXPECT_EQ(small().encode("the", 2), (Ids{2, 3}));
  std::string huge;
  for (int i = 0; i < 1'000'000; ++i) huge += "the ";
  EXPECT_EQ(small().encode(huge, 256).size(), 256U);
  EXPECT_EQ(small().encode(std::string(10'000'000, 'e'), 256), (Ids{2, 1, 3}));
  EXPECT_EQ(small().encode(std::string(10'000'000, ' ') + "the", 256), (Ids{2, 3}))
      << "only the first megabyte is read";
}

TEST(WordPiece, ChunksDoNotShow) {
  // A text longer than one chunk gives the pieces of its words one by one.
  std::string text;
  Ids expected{2};
  for (int i = 0; i < 500; ++i) {
    text += i % 7 == 0 ? "the\u0301\n" : "toys ";
    if (i % 7 == 0)
      expected.push_back(4);
    else
      expected.insert(expected.end(), {5, 6});
  }
  expected.push_back(3);
  EXPECT_EQ(small().encode(text, 5000), expected);
}

TEST(WordPiece, AVocabularyWithoutItsControlTokensIsCorrupt) {
  const auto loaded = WordPiece::from_pieces({"[PAD]", "[UNK]", "[CLS]"});
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error().code, ErrorCode::corrupt);
  EXPECT_THAT(loaded.error().message, HasSubstr("[SEP]"));
  EXPECT_EQ(WordPiece::load("/nowhere/vocab.txt").error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace penchant::text
