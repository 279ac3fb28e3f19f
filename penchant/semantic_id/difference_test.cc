#include "penchant/semantic_id/difference.h"

#include <gtest/gtest.h>

#include <memory>
#include <sstream>

namespace penchant::semantic_id {
namespace {

/// K codewords of two numbers at every level: (offset + k, level).
Codebooks books(std::vector<std::uint32_t> sizes, float offset = 0, std::size_t dim = 2) {
  std::vector<Matrix<float>> levels;
  for (std::size_t l = 0; l < sizes.size(); ++l) {
    Matrix<float> level(sizes[l], dim);
    for (std::uint32_t k = 0; k < sizes[l]; ++k) {
      level(k, 0) = offset + static_cast<float>(k);
      if (dim > 1) level(k, 1) = static_cast<float>(l);
    }
    levels.push_back(std::move(level));
  }
  return Codebooks::create(std::move(levels)).value();
}

struct Side {
  std::vector<std::string> items;
  StoredCodes stored;
  [[nodiscard]] IdSet set(const std::string& name) const { return {name, items, &stored}; }
};

Side side(std::vector<std::string> items, std::vector<std::vector<Code>> codes, Codebooks codebooks) {
  Matrix<Code> matrix(codes.size(), codebooks.levels());
  for (std::size_t i = 0; i < codes.size(); ++i) std::ranges::copy(codes[i], matrix.row(i).begin());
  return {std::move(items), {std::move(codebooks), std::move(matrix)}};
}

IdDifference difference(const Side& a, const Side& b) {
  Executor executor(1);
  return compare_ids(a.set("a"), b.set("b"), executor).value();
}

TEST(IdDifference, CountsItemsAndTheFirstCodeThatDiffers) {
  const auto a = side({"x", "y", "z", "gone"}, {{0, 1}, {1, 1}, {2, 2}, {3, 3}}, books({4, 4}));
  const auto b = side({"new", "z", "y", "x"}, {{0, 0}, {2, 2}, {1, 3}, {3, 1}}, books({4, 4}));
  const auto d = difference(a, b);
  EXPECT_EQ(d.common, 3u);
  EXPECT_EQ(d.added, 1u);
  EXPECT_EQ(d.removed, 1u);
  EXPECT_EQ(d.first_added, std::vector<std::string>{"new"});
  EXPECT_EQ(d.first_removed, std::vector<std::string>{"gone"});
  EXPECT_TRUE(d.same_codebooks);
  EXPECT_EQ(d.changed, 2u);
  EXPECT_NEAR(d.kept_share, 1.0 / 3, 1e-12);
  ASSERT_EQ(d.levels.size(), 2u);
  EXPECT_EQ(d.levels[0].kept, 2u);
  EXPECT_EQ(d.levels[0].first_changed, 1u);
  EXPECT_EQ(d.levels[1].kept, 1u);
  EXPECT_EQ(d.levels[1].first_changed, 1u);
  EXPECT_EQ(d.levels[0].drift, 0);
  ASSERT_EQ(d.first_changed.size(), 2u);
  EXPECT_EQ(d.first_changed[0].item, "y");
  EXPECT_EQ(d.first_changed[0].after, (std::vector<Code>{1, 3}));
}

TEST(IdDifference, DriftTellsMovedCodewordsFromRenumberedOnes) {
  const std::vector<std::vector<Code>> codes{{0}, {1}};
  const auto a = side({"x", "y"}, codes, books({4}, 1));
  const auto moved = difference(a, side({"x", "y"}, codes, books({4}, 1.25f)));
  EXPECT_FALSE(moved.same_codebooks);
  EXPECT_FALSE(moved.levels[0].identical);
  EXPECT_NEAR(moved.levels[0].drift, 0.25 / 2.5, 1e-6);  // codewords before: 1, 2, 3, 4
  EXPECT_NEAR(moved.levels[0].nearest, 0.25 / 2.5, 1e-6);

  Matrix<float> turned(4, 2);
  for (std::size_t k = 0; k < 4; ++k) turned(k, 0) = 4 - static_cast<float>(k);
  std::vector<Matrix<float>> levels;
  levels.push_back(std::move(turned));
  const auto renumbered = difference(a, side({"x", "y"}, codes, Codebooks::create(std::move(levels)).value()));
  EXPECT_NEAR(renumbered.levels[0].drift, 2.0 / 2.5, 1e-6);
  EXPECT_NEAR(renumbered.levels[0].nearest, 0, 1e-6);
}

TEST(IdDifference, SaysPlainlyWhatCannotBeCompared) {
  const auto a = side({"x"}, {{0, 1}}, books({4, 4}));
  const auto deeper = difference(a, side({"x"}, {{0, 1, 2}}, books({4, 4, 4})));
  EXPECT_NE(deeper.not_comparable.find("2 and 3 codes"), std::string::npos);
  EXPECT_EQ(deeper.common, 1u);
  EXPECT_TRUE(deeper.levels.empty());
  EXPECT_NE(to_text(deeper).find("cannot be compared level by level"), std::string::npos);
  EXPECT_EQ(to_json(deeper).find("kept_share"), std::string::npos);

  const auto strangers = difference(a, side({"q"}, {{0, 1}}, books({4, 4})));
  EXPECT_NE(strangers.not_comparable.find("no item in common"), std::string::npos);
  const auto nothing = difference(side({}, {}, books({4})), side({}, {}, books({4})));
  EXPECT_FALSE(nothing.not_comparable.empty());

  const auto wider = difference(a, side({"x"}, {{0, 1}}, books({8, 4})));
  EXPECT_TRUE(wider.not_comparable.empty());
  EXPECT_FALSE(wider.levels[0].has_drift);
  EXPECT_TRUE(wider.levels[1].has_drift);
  const auto more_content = difference(a, side({"x"}, {{0, 1}}, books({4, 4}, 0, 3)));
  EXPECT_NE(more_content.no_drift.find("2 and 3 numbers"), std::string::npos);
  EXPECT_EQ(more_content.kept_share, 1);
}

TEST(IdDifference, ComparesCodewordsOnlyBehindTheSameContentEncoder) {
  const auto encoded = [](float weight) {
    std::vector<DenseLayer> layers;
    layers.push_back({Matrix<float>({weight, 0, 0, 1}, 2, 2), {0, 0}});
    auto encoder = std::make_shared<const ContentEncoder>(ContentEncoder::create(std::move(layers)).value());
    return side({"x", "y"}, {{0}, {1}}, books({4}).with_encoder(std::move(encoder)).value());
  };
  const auto same = difference(encoded(2), encoded(2));
  EXPECT_TRUE(same.same_codebooks);
  EXPECT_TRUE(same.levels[0].has_drift);
  for (const auto& other : {encoded(3), side({"x", "y"}, {{0}, {1}}, books({4}))}) {
    const auto d = difference(encoded(2), other);
    EXPECT_FALSE(d.same_codebooks) << "content gets other codes";
    EXPECT_FALSE(d.levels[0].has_drift);
    EXPECT_NE(d.no_drift.find("different encoders"), std::string::npos) << d.no_drift;
    EXPECT_EQ(d.kept_share, 1);
  }
}

TEST(IdDifference, RefusesAnItemThatIsNamedTwice) {
  Executor executor(1);
  const auto a = side({"x", "x"}, {{0}, {1}}, books({4}));
  const auto b = side({"x"}, {{0}}, books({4}));
  const auto refused = compare_ids(a.set("a"), b.set("b"), executor);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("\"x\" twice"), std::string::npos);
}

TEST(IdDifference, FitsATerminalAndEscapesJson) {
  const auto d = difference(side({"a\"b\n", "y"}, {{0}, {65535 % 4}}, books({4})),
                            side({"a\"b\n", "z"}, {{3}, {1}}, books({4}, 100)));
  std::istringstream text(to_text(d));
  for (std::string row; std::getline(text, row);) EXPECT_LE(row.size(), 100u) << row;
  EXPECT_NE(to_json(d).find(R"("item":"a\"b\u000a")"), std::string::npos) << to_json(d);
}

}  // namespace
}  // namespace penchant::semantic_id
