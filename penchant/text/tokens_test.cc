#include "penchant/text/tokens.h"

#include <gtest/gtest.h>

#include "penchant/base/rng.h"
#include "penchant/text/unicode.h"

namespace penchant::text {
namespace {

using Words = std::vector<std::string>;

TEST(CleanText, UnescapesEntitiesOnce) {
  EXPECT_EQ(clean_text("Am&eacute;lie &amp; friends &lt;3 &#233;&#xE9;&#XE9;"), "Amélie & friends <3 ééé");
  EXPECT_EQ(clean_text("&amp;eacute;"), "&eacute;");
  EXPECT_EQ(clean_text("&apos;&quot;&nbsp;&hellip;"), "'\" …");
  EXPECT_EQ(clean_text("&#146;"), "’") << "numbers 128..159 are Windows-1252";
}

TEST(CleanText, LeavesWhatIsNoEntity) {
  for (const char* text : {"AT&T", "R&D;x", "&", "&;", "&unknown;", "a & b; c", "&#;", "&#x;", "&#xD800;",
                           "&#0;", "&#1114112;", "&#99999999999999999999;", "&amp", "&eacuteeeeeeee;"})
    EXPECT_EQ(clean_text(text), text);
}

TEST(CleanText, ReadsLatinBytesWhereNothingIsUtf8) {
  EXPECT_EQ(clean_text("Mis\xe9rables, Les"), "Misérables, Les");
  EXPECT_EQ(clean_text("\x93quoted\x94 \x80 5"), "“quoted” € 5");
}

TEST(CleanText, RepairsBrokenUtf8) {
  EXPECT_EQ(clean_text("é and \xff"), "é and \uFFFD");
  EXPECT_EQ(clean_text("日本\xe6\x97"), "日本\uFFFD");
  EXPECT_EQ(clean_text("é\xed\xa0\x80"), "é\uFFFD\uFFFD\uFFFD") << "a surrogate is no character";
  EXPECT_EQ(clean_text("a\uFFFD"), "a\uFFFD");
}

TEST(CleanText, ComposesAndDropsWhatIsNotSeen) {
  EXPECT_EQ(clean_text("e\u0301"), "é");
  EXPECT_EQ(clean_text(std::string("a\0b\x01\x7f", 5)), "ab");
  EXPECT_EQ(clean_text("safe\u202Egnp.exe\u2066x\u200B\uFEFF\u00AD"), "safegnp.exex");
  EXPECT_EQ(clean_text("x\U000E0049\U000E0047y"), "xy") << "tag characters can hide text";
  EXPECT_EQ(clean_text("👩\u200D👧"), "👩\u200D👧") << "the joiner is part of the picture";
  EXPECT_EQ(clean_text("  a\t\r\n\u00A0\u2003b&nbsp; "), "a b");
  EXPECT_EQ(clean_text(""), "");
  EXPECT_EQ(clean_text(" \n"), "");
}

TEST(CleanText, AnyBytesGiveValidUtf8ThatStaysAsItIs) {
  Rng rng(1);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes;
    for (std::uint64_t i = rng.below(24); i > 0; --i)
      bytes.push_back(static_cast<char>(rng.below(4) == 0 ? rng.below(128) : rng.below(256)));
    const std::string cleaned = clean_text(bytes);
    for (std::size_t at = 0; at < cleaned.size();) {
      const std::size_t begin = at;
      const auto c = next_code_point(cleaned, at);
      ASSERT_TRUE(c != kReplacement || cleaned.substr(begin, at - begin) == "\uFFFD");
    }
    if (cleaned.find('&') == std::string::npos) {
      ASSERT_EQ(clean_text(cleaned), cleaned);
    }
  }
}

TEST(SearchTokens, FoldsCaseAndAccents) {
  EXPECT_EQ(search_tokens("Amélie POULAIN"), (Words{"amelie", "poulain"}));
  EXPECT_EQ(search_tokens("Straße ŁÓDŹ Ørsted Æsir œuvre Þór Đà"),
            (Words{"strasse", "lodz", "orsted", "aesir", "oeuvre", "thor", "da"}));
  EXPECT_EQ(search_tokens("İstanbul IŞIK ılık"), (Words{"istanbul", "isik", "ilik"}));
  EXPECT_EQ(search_tokens("ΟΔΥΣΣΕΎΣ"), search_tokens("οδυσσεύς"));
  EXPECT_EQ(search_tokens("e\u0301a\u0300"), (Words{"ea"}));
}

TEST(SearchTokens, FoldsCompatibilityForms) {
  EXPECT_EQ(search_tokens("ﬁlm Ａｂｃ４２ x² Ⅳ"), (Words{"film", "abc42", "x2", "iv"}));
  EXPECT_EQ(search_tokens("🄰🄱"), (Words{"ab"}));
}

TEST(SearchTokens, SplitsAtWhatIsNeitherLetterNorDigit) {
  EXPECT_EQ(search_tokens("Toy Story (1995): sci-fi_film, 3.5/5"),
            (Words{"toy", "story", "1995", "sci", "fi", "film", "3", "5", "5"}));
  EXPECT_EQ(search_tokens("Schindler's List, rock 'n' roll, don’t"),
            (Words{"schindlers", "list", "rock", "n", "roll", "dont"}));
  EXPECT_TRUE(search_tokens("").empty());
  EXPECT_TRUE(search_tokens("?! 😀 —").empty());
}

TEST(SearchTokens, IdeographsAndKanaStandAlone) {
  EXPECT_EQ(search_tokens("七人の侍 2x漢"), (Words{"七", "人", "の", "侍", "2x", "漢"}));
  EXPECT_EQ(search_tokens("Война и мир"), (Words{"воина", "и", "мир"}));
}

TEST(SearchTokens, AWordIsCutAtTheCap) {
  EXPECT_EQ(search_tokens(std::string(10'000, 'a') + " b"), (Words{std::string(kMaxSearchToken, 'a'), "b"}));
  std::string greek;
  for (int i = 0; i < 200; ++i) greek += "α";
  EXPECT_EQ(search_tokens(greek)[0].size(), kMaxSearchToken);
}

TEST(SearchTokens, FoldingTwiceChangesNothing) {
  Rng rng(2);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (std::uint64_t i = rng.below(12); i > 0; --i) {
      const auto c = static_cast<std::uint32_t>(rng.below(2) == 0 ? rng.below(0x250) : rng.below(0x11000));
      if (c >= 0xd800 && c <= 0xdfff) continue;
      append_utf8(text, c);
    }
    const auto once = search_tokens(text);
    std::string joined;
    for (const auto& word : once) joined += word + " ";
    ASSERT_EQ(search_tokens(joined), once) << text;
  }
}

}  // namespace
}  // namespace penchant::text
