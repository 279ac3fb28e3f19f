#include "penchant/catalog/given_vectors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "penchant/base/rng.h"

namespace penchant::catalog {
namespace {

Item item(std::string id, std::vector<ModalityVector> vectors) {
  Item made;
  made.id = std::move(id);
  made.vectors = std::move(vectors);
  return made;
}

TEST(GivenVectors, MissingOnesAreZeroRowsWhereverTheyAre) {
  GivenVectors given;
  given.add(item("a", {})).value();
  given.add(item("b", {{"visual", {1, 2}}})).value();
  given.add(item("c", {{"sound", {3}}})).value();
  const auto kinds = given.take();
  ASSERT_EQ(kinds.size(), 2u);
  EXPECT_THAT(kinds.at("visual").values(), testing::ElementsAre(0, 0, 1, 2, 0, 0));
  EXPECT_THAT(kinds.at("sound").values(), testing::ElementsAre(0, 0, 3));
  EXPECT_TRUE(given.left_out().empty());
  EXPECT_TRUE(given.take().empty());
}

TEST(GivenVectors, EveryVectorStandsInTheRowOfItsItem) {
  Rng rng(7);
  for (int round = 0; round < 50; ++round) {
    GivenVectors given;
    std::vector<float> expected;
    for (int row = 0; row < 20; ++row) {
      const float x = rng.uniform() < 0.5 ? 0 : static_cast<float>(row + 1);
      given.add(item("i", x == 0 ? std::vector<ModalityVector>{} : std::vector<ModalityVector>{{"v", {x, -x}}})).value();
      expected.insert(expected.end(), {x, 0 - x});
    }
    const auto kinds = given.take();
    if (!kinds.empty()) { EXPECT_EQ(kinds.at("v").values(), expected); }
  }
}

TEST(GivenVectors, OneItemOfAnotherLengthIsLeftOutByNameAndTheRestIsLearned) {
  GivenVectors given;
  given.add(item("odd", {{"visual", {9, 9, 9}}})).value();  // the first of all: it must not set the length
  given.add(item("a", {{"visual", {1, 2}}})).value();
  given.add(item("b", {{"visual", {3, 4}}})).value();
  const auto kinds = given.take();
  EXPECT_THAT(kinds.at("visual").values(), testing::ElementsAre(0, 0, 1, 2, 3, 4));
  ASSERT_EQ(given.left_out().size(), 1u);
  EXPECT_THAT(given.left_out()[0], testing::AllOf(testing::HasSubstr("odd"), testing::HasSubstr("visual"), testing::HasSubstr("3 numbers")));
}

TEST(GivenVectors, TooManyKindsAreRefused) {
  GivenVectors given;
  std::vector<ModalityVector> many;
  for (std::size_t k = 0; k <= kMaxVectorKinds; ++k) many.push_back({"kind" + std::to_string(k), {1}});
  EXPECT_FALSE(given.add(item("a", many)).ok());
}

}  // namespace
}  // namespace penchant::catalog
