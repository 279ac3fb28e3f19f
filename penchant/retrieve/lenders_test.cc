#include "penchant/retrieve/lenders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <numeric>
#include <string>

#include <unistd.h>

#include "penchant/base/rng.h"

namespace penchant::retrieve {
namespace {

struct Catalogue {
  VectorTable content;
  std::vector<std::uint8_t> untrained;
};

Catalogue random_catalogue(std::size_t items, std::size_t dim, std::uint64_t seed) {
  Rng rng(seed);
  Catalogue out{VectorTable(dim, true), std::vector<std::uint8_t>(items)};
  for (std::size_t i = 0; i < items; ++i) {
    std::vector<float> vector(dim);
    if (i % 11 != 3)  // some have no content
      for (float& x : vector) x = static_cast<float>(rng.uniform() - 0.3);
    out.content.set(i, vector);
    out.untrained[i] = rng.uniform() < 0.3 ? 1 : 0;
  }
  return out;
}

/// The slow obvious way.
std::vector<std::uint32_t> nearest_trained(const Catalogue& c, std::uint32_t row) {
  std::vector<std::uint32_t> rows;
  for (std::uint32_t i = 0; i < c.untrained.size(); ++i)
    if (i != row && c.untrained[i] == 0 && c.content.cosine(row, i) > 0) rows.push_back(i);
  std::ranges::stable_sort(rows, [&](auto a, auto b) { return c.content.cosine(row, a) > c.content.cosine(row, b); });
  if (rows.size() > kLenders) rows.resize(kLenders);
  return rows;
}

std::vector<std::uint32_t> untrained_rows(const Catalogue& c) {
  std::vector<std::uint32_t> rows;
  for (std::uint32_t i = 0; i < c.untrained.size(); ++i)
    if (c.untrained[i] != 0) rows.push_back(i);
  return rows;
}

std::vector<std::uint32_t> lenders_of(const LenderTable& table, std::uint32_t row) {
  return {table.rows(row).begin(), table.rows(row).end()};
}

TEST(Lenders, AreTheNearestTrainedItemsHoweverManyAsk) {
  const Catalogue c = random_catalogue(400, 24, 7);
  std::vector<std::uint32_t> rows(400);
  std::iota(rows.begin(), rows.end(), 0U);
  LenderTable together, alone;
  together.find(c.content, c.untrained, rows);
  for (const std::uint32_t row : rows) {
    alone.find(c.content, c.untrained, std::span(&row, 1));
    EXPECT_EQ(lenders_of(alone, row), nearest_trained(c, row)) << row;
    EXPECT_EQ(lenders_of(together, row), lenders_of(alone, row)) << row;
    const auto weights = together.weights(row);
    ASSERT_EQ(weights.size(), together.rows(row).size());
    for (std::size_t k = 0; k < weights.size(); ++k) EXPECT_NEAR(weights[k], alone.weights(row)[k], 1e-5);
    if (!c.content.present(row)) {
      EXPECT_TRUE(weights.empty());
      continue;
    }
    EXPECT_NEAR(std::accumulate(weights.begin(), weights.end(), 0.0), 1, 1e-5);
    EXPECT_TRUE(std::ranges::is_sorted(weights, std::greater<>()));
  }
}

TEST(Lenders, MeansAreWeighted) {
  VectorTable content(2, true), vectors(2, false);
  for (const auto& v : {std::vector<float>{1, 0}, {-1, 0}, {1, 1}, {1, 0}}) content.set(content.rows(), v);
  for (const auto& v : {std::vector<float>{4, 0}, {9, 9}, {0, 8}}) vectors.set(vectors.rows(), v);
  LenderTable table;
  const std::vector<std::uint32_t> asked{3};
  table.find(content, std::vector<std::uint8_t>{0, 0, 0, 1}, asked);
  const float half = std::pow(std::sqrt(0.5F), static_cast<float>(kLenderSharpness)), sum = 1 + half;
  EXPECT_EQ(lenders_of(table, 3), (std::vector<std::uint32_t>{0, 2})) << "1 is the opposite";
  EXPECT_NEAR(table.mean(3, std::vector<float>{8, -100, 4}), (8 + 4 * half) / sum, 1e-5);
  EXPECT_NEAR(table.mean(3, vectors)[0], 4 / sum, 1e-5);
  EXPECT_NEAR(table.mean(3, vectors)[1], 8 * half / sum, 1e-5);
  EXPECT_EQ(table.mean(0, std::vector<float>{8, 8, 8}), 0) << "never asked for";
  EXPECT_EQ(table.mean(77, std::vector<float>{}), 0) << "beyond the table";
  table.clear(3);
  EXPECT_TRUE(table.rows(3).empty());
}

TEST(Lenders, NobodyLendsWhereNothingIsTrainedOrNothingIsAlike) {
  VectorTable content(2, true);
  content.set(0, std::vector<float>{1, 0});
  content.set(1, std::vector<float>{-1, 0});
  const std::vector<std::uint32_t> asked{1};
  for (const auto& untrained : {std::vector<std::uint8_t>{0, 1}, {1, 1}}) {
    LenderTable table;
    table.find(content, untrained, asked);
    EXPECT_TRUE(table.rows(1).empty());
  }
}

class LenderFiles : public ::testing::Test {
 protected:
  ~LenderFiles() override { std::filesystem::remove(path_); }
  Result<LenderTable> through_file(const std::function<void(artifact::SafeTensorsWriter&)>& fill, std::size_t items) {
    artifact::SafeTensorsWriter writer;
    writer.add("other", std::span<const float>(std::vector<float>{1}));
    fill(writer);
    EXPECT_TRUE(writer.write(path_).ok());
    const auto file = artifact::SafeTensors::open(path_);
    return LenderTable::read(file.value(), items);
  }
  Result<LenderTable> of(std::vector<std::int32_t> rows, std::vector<float> weights) {
    rows.resize(kLenders);
    weights.resize(kLenders);
    return through_file([&](auto& w) {
      w.add("lender.rows", artifact::DType::i32, {1, kLenders}, std::as_bytes(std::span(rows)));
      w.add("lender.weights", artifact::DType::f32, {1, kLenders}, std::as_bytes(std::span(weights)));
    }, 1);
  }
  std::string path_ = (std::filesystem::temp_directory_path() / ("lenders-" + std::to_string(::getpid()) + ".safetensors")).string();
};

TEST_F(LenderFiles, ComeBackAsTheyWere) {
  const Catalogue c = random_catalogue(120, 8, 3);
  LenderTable table;
  table.grow(120);
  table.find(c.content, c.untrained, untrained_rows(c));
  const auto again = through_file([&](auto& w) { table.write(w); }, 120).value();
  ASSERT_EQ(again.items(), 120u);
  for (std::uint32_t i = 0; i < 120; ++i) {
    EXPECT_EQ(lenders_of(again, i), lenders_of(table, i));
    EXPECT_TRUE(std::ranges::equal(again.weights(i), table.weights(i)));
  }
  EXPECT_EQ(through_file([](auto&) {}, 120).value().items(), 0u) << "a release without them";
}

TEST_F(LenderFiles, ImpossibleOnesAreRefused) {
  using ::testing::HasSubstr;
  EXPECT_TRUE(of({0}, {1}).ok());
  EXPECT_THAT(of({1}, {1}).error().message, HasSubstr("lender.rows: row 0 names item row 1"));
  EXPECT_THAT(of({-1}, {1}).error().message, HasSubstr("lender.rows"));
  EXPECT_THAT(of({0}, {0.5F}).error().message, HasSubstr("does not sum to 1"));
  EXPECT_THAT(of({0, 0}, {1.5F, -0.5F}).error().message, HasSubstr("no weight"));
  EXPECT_THAT(of({0}, {std::nanf("")}).error().message, HasSubstr("no weight"));
  EXPECT_THAT(through_file([](auto& w) { w.add("lender.weights", std::span<const float>(std::vector<float>{1})); }, 1).error().message,
              HasSubstr("lender.rows"));
}

}  // namespace
}  // namespace penchant::retrieve
