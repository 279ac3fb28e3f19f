#include "penchant/learn/attribute_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penchant::learn {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(AttributeValues, KeepsWhatManyItemsShareAndNumbersItByFrequency) {
  AttributeValues values;
  for (int i = 0; i < 40; ++i) {
    catalog::Attributes a;
    a["price"] = 3.0 + i;                                              // a number
    a["title"] = "item " + std::to_string(i);                          // all different
    a["shop"] = std::string("one");                                    // all the same
    a["sale"] = i % 2 == 0;                                            // half of the items each
    std::vector<std::string> genres{i < 10 ? "drama" : "other"};
    if (i >= 25) genres.insert(genres.end(), {"comedy", "comedy"});    // named twice: still one
    a["genres"] = genres;
    values.add(a);
  }
  values.add({});
  // sale=true and sale=false: 20 each; genres=comedy: 15; genres=drama: 10. "other" and "one" are on more than half.
  EXPECT_EQ(values.choose(), 4u);
  ASSERT_EQ(values.rows().size(), 41u);
  EXPECT_THAT(values.rows()[40], IsEmpty());
  EXPECT_THAT(values.rows()[0], ElementsAre(0, 3));
  EXPECT_THAT(values.rows()[1], ElementsAre(1, 3));
  EXPECT_THAT(values.rows()[30], ElementsAre(0, 2));
  EXPECT_THAT(values.rows()[20], ElementsAre(0));
}

TEST(AttributeValues, KeepsTheMostFrequentWhereThereAreTooMany) {
  AttributeValues values;
  for (std::size_t v = 0; v < AttributeValues::kMost + 50; ++v)
    for (std::size_t n = 0; n < 10 + v; ++n) values.add({{"brand", std::string("b" + std::to_string(v))}});
  EXPECT_EQ(values.choose(), AttributeValues::kMost);
  EXPECT_THAT(values.rows().front(), IsEmpty()) << "the rarest brand";
  EXPECT_THAT(values.rows().back(), ElementsAre(0)) << "the most frequent one";
}

}  // namespace
}  // namespace penchant::learn
