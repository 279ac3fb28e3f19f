#include "penchant/catalog/cold_items.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace penchant::catalog {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Item with(const std::string& name, AttributeValue value) {
  Item item;
  item.id = "x";
  item.attributes[name] = std::move(value);
  return item;
}

TEST(ColdBy, IsADrawAnAppearanceOrTheNameOfAnAttribute) {
  EXPECT_EQ(parse_cold_by("random").value(), ColdBy());
  EXPECT_EQ(parse_cold_by("first-seen").value().kind, ColdBy::Kind::first_seen);
  const ColdBy year = parse_cold_by("year").value();
  EXPECT_EQ(year.kind, ColdBy::Kind::attribute);
  EXPECT_EQ(name_of(year), "year");
  EXPECT_THAT(parse_cold_by("").error().message, HasSubstr("such as year"));
}

TEST(ColdKey, IsANumberHoweverItIsStored) {
  EXPECT_EQ(cold_key(with("year", 1995.0), "year"), 1995);
  EXPECT_EQ(cold_key(with("year", std::string("1995")), "year"), 1995);
  for (const AttributeValue& none : {AttributeValue(std::string("1995?")), AttributeValue(std::string()), AttributeValue(true)})
    EXPECT_TRUE(std::isnan(cold_key(with("year", none), "year")));
  EXPECT_TRUE(std::isnan(cold_key(with("year", 1995.0), "Year")));
}

TEST(ColdKey, OfNoItemIsAnErrorThatNamesTheAttribute) {
  const std::vector<double> none(3, kNoColdKey), some{kNoColdKey, 2, kNoColdKey};
  const ColdBy by = parse_cold_by("yeer").value();
  EXPECT_THAT(check_cold_keys(none, by).error().message, HasSubstr("\"yeer\": no item has a number"));
  EXPECT_TRUE(check_cold_keys(some, by).ok());
}

TEST(NewestItems, AreTheHighestAndOfEqualOnesTheLater) {
  const std::vector<double> keys{2000, 1999, kNoColdKey, 2000, 1990};
  EXPECT_THAT(newest_items(keys, 0.25), ElementsAre(0, 0, 0, 1, 0)) << "of four that have a year";
  EXPECT_THAT(newest_items(keys, 0.75), ElementsAre(1, 1, 0, 1, 0));
  EXPECT_THAT(newest_items(keys, 0.01), ElementsAre(0, 0, 0, 1, 0)) << "at least one";
}

}  // namespace
}  // namespace penchant::catalog
