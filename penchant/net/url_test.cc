#include "penchant/net/url.h"

#include <gtest/gtest.h>

namespace penchant::net {
namespace {

TEST(PercentCode, RoundTripsEveryByteButZero) {
  std::string all;
  for (int c = 1; c < 256; ++c) all += static_cast<char>(c);
  EXPECT_EQ(percent_decode(percent_encode(all)).value(), all);
}

TEST(PercentCode, RefusesBrokenEscapes) {
  for (const char* text : {"%", "%1", "%zz", "a%4", "%00"}) EXPECT_FALSE(percent_decode(text).ok()) << text;
}

TEST(PercentCode, PlusIsASpaceOnlyInQueries) {
  EXPECT_EQ(percent_decode("a+b").value(), "a+b");
  EXPECT_EQ(percent_decode("a+b", true).value(), "a b");
}

TEST(ParseTarget, SplitsPathAndQuery) {
  const auto target = parse_target("/v1/items/a%2Fb?limit=5&q=x%26y&&flag").value();
  EXPECT_EQ(target.path, "/v1/items/a%2Fb");
  const std::vector<std::pair<std::string, std::string>> expected{{"limit", "5"}, {"q", "x&y"}, {"flag", ""}};
  EXPECT_EQ(target.query, expected);
}

TEST(ParseTarget, TakesAbsoluteFormAndRefusesTheRest) {
  EXPECT_EQ(parse_target("http://host:1/p?a=1")->path, "/p");
  EXPECT_EQ(parse_target("http://host")->path, "/");
  EXPECT_FALSE(parse_target("nowhere").ok());
  EXPECT_FALSE(parse_target("").ok());
  std::string many = "/?";
  for (int i = 0; i < 101; ++i) many += "a&";
  EXPECT_FALSE(parse_target(many).ok());
}

}  // namespace
}  // namespace penchant::net
