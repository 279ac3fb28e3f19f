#include "penchant/learn/click/click_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "penchant/base/random_matrix_testing.h"
#include "penchant/metrics/auc.h"
#include "penchant/semantic_id/pieces/ngrams.h"

namespace penchant::learn {
namespace {

using Use = ItemTable::Use;

constexpr std::uint32_t kItems = 40;

semantic_id::ItemPieces pieces_of(std::uint32_t rows) {
  const std::vector<std::uint32_t> books{4, 5};
  const auto rule = semantic_id::ngrams(semantic_id::NgramKind::prefix, books, rows, 1).value();
  Matrix<semantic_id::Code> codes(kItems, 2);
  std::vector<std::uint64_t> keys(kItems);
  for (std::uint32_t i = 0; i < kItems; ++i) {
    codes(i, 0) = static_cast<semantic_id::Code>(i % 4);
    codes(i, 1) = static_cast<semantic_id::Code>(i / 4 % 5);
  }
  return semantic_id::list_pieces(*rule, keys, codes.view(), 3);
}

std::vector<Use> all_items(std::uint32_t variation = Use::kWhole) {
  std::vector<Use> uses;
  for (std::uint32_t i = 0; i < kItems; ++i) uses.push_back({i, variation});
  return uses;
}

TEST(ItemTable, AVectorIsTheSumOfThePiecesAndOfTheProjection) {
  Executor executor(1);
  const auto pieces = pieces_of(24);
  const auto content = random_matrix(kItems, 7, 5);
  Rng rng(2), same(2);
  const ItemTable both({&pieces, content.view()}, 6, rng);
  // The rows alone, one at a time: an item whose only piece is that row.
  semantic_id::ItemPieces single{.table_rows = 24};
  std::vector<Use> rows;
  for (std::uint32_t row = 0; row < 24; ++row) {
    single.whole.rows.push_back(row);
    single.whole.offsets.push_back(row + 1);
    rows.push_back({row});
  }
  const auto row_values = ItemTable({&single, {}}, 6, same).vectors(rows, executor);
  const auto projected = [&] {
    Rng after_rows(2);
    ItemTable({&single, {}}, 6, after_rows);
    return ItemTable({nullptr, content.view()}, 6, after_rows).vectors(all_items(), executor);
  }();
  for (const auto variation : {Use::kWhole, 0U, 5U}) {
    const auto found = both.vectors(all_items(variation), executor);
    for (std::uint32_t i = 0; i < kItems; ++i)
      for (std::size_t d = 0; d < 6; ++d) {
        double slow = projected(i, d);
        for (const auto row : variation == Use::kWhole ? pieces.of(i) : pieces.varied_of(i, variation)) slow += row_values(row, d);
        EXPECT_NEAR(found(i, d), slow, 1e-6);
      }
  }
}

TEST(ItemTable, BytesAreRowsAndProjection) {
  const auto pieces = pieces_of(24);
  const auto content = random_matrix(kItems, 7, 5);
  Rng rng(1);
  EXPECT_EQ(ItemTable({&pieces, {}}, 6, rng).bytes(), 24u * 6 * 4);
  EXPECT_EQ(ItemTable({nullptr, content.view()}, 6, rng).bytes(), 7u * 6 * 4);
  EXPECT_EQ(ItemTable({&pieces, content.view()}, 6, rng).bytes(), (24u + 7) * 6 * 4);
}

TEST(ItemTable, AStepMovesAgainstTheGradientAndOnlyWhatItStandsOn) {
  Executor executor(1);
  const auto pieces = pieces_of(24);
  Rng rng(1);
  ItemTable table({&pieces, {}}, 6, rng);
  const auto before = table.vectors(all_items(), executor);
  Matrix<float> gradient(1, 6);
  std::ranges::fill(gradient.values(), 0.5F);
  table.step(std::vector<Use>{{7}}, gradient.view(), 0.1, executor);
  const auto after = table.vectors(all_items(), executor);
  for (std::uint32_t i = 0; i < kItems; ++i) {
    std::size_t shared = 0;
    for (const auto row : pieces.of(i)) shared += static_cast<std::size_t>(std::ranges::count(pieces.of(7), row));
    // Adagrad's first step is the rate itself, whatever the size of the gradient.
    for (std::size_t d = 0; d < 6; ++d) EXPECT_NEAR(before(i, d) - after(i, d), 0.1 * static_cast<double>(shared), 1e-5) << i;
  }
}

/// loss = sum_r g_r out_r.
TEST(CrossNetwork, InputGradientIsTheSlope) {
  Executor executor(1);
  Rng rng(3);
  const std::size_t hidden[] = {7, 4};
  CrossNetwork net(5, 2, hidden, rng);
  auto x = random_matrix(9, 5, 4);
  std::vector<float> weight;
  for (int r = 0; r < 9; ++r) weight.push_back(static_cast<float>(rng.uniform() - 0.5));
  const auto loss = [&] {
    const auto out = net.forward(x.view(), executor);
    return std::inner_product(out.begin(), out.end(), weight.begin(), 0.0);
  };
  loss();
  const auto gradient = net.backward(weight, executor);
  for (std::size_t r = 0; r < 9; ++r)
    for (std::size_t c = 0; c < 5; ++c) {
      const float at = x(r, c), h = 2e-3F;
      x(r, c) = at + h;
      const double above = loss();
      x(r, c) = at - h;
      const double below = loss();
      x(r, c) = at;
      EXPECT_NEAR(gradient(r, c), (above - below) / (2 * h), 5e-3);
    }
}

TEST(CrossNetwork, WithoutCrossLayersAndDeepPartItIsLogisticRegression) {
  Executor executor(1);
  Rng rng(3);
  CrossNetwork net(3, 0, {}, rng);
  const auto x = random_matrix(4, 3, 1);
  Matrix<float> twice = x;
  for (float& v : twice.values()) v *= 2;
  const auto once = net.forward(x.view(), executor), doubled = net.forward(twice.view(), executor);
  for (std::size_t r = 0; r < 4; ++r) EXPECT_NEAR(2 * once[r], doubled[r], 1e-5);
}

/// People take what is of the kind of what they took.
ClickData kinds(std::size_t n) {
  Rng rng(11);
  ClickData data;
  data.context = Matrix<float>(n, 1);
  for (std::uint32_t i = 0; i < kItems; ++i) data.liked_items.push_back(i % 2 == 0 ? i : (i + 1) % kItems);  // even kind
  for (std::uint32_t i = 0; i < kItems; ++i) data.liked_items.push_back(i % 2 == 1 ? i : i + 1);             // odd kind
  for (std::size_t r = 0; r < n; ++r) {
    const bool odd = rng.below(2) == 1;
    const auto first = static_cast<std::uint32_t>((odd ? kItems : 0) + rng.below(kItems - 5));
    data.items.push_back(static_cast<std::uint32_t>(rng.below(kItems)));
    data.liked.push_back({first, first + 5});
    data.disliked.push_back({0, 0});
    data.positive.push_back((data.items.back() % 2 == 1) == odd ? 1 : 0);
  }
  return data;
}

double learned_auc(const ClickData& data, std::size_t threads, std::vector<float>* scores = nullptr) {
  Executor executor(threads);
  const auto pieces = pieces_of(40);
  ClickModel model({&pieces, {}}, 1, {.dim = 8, .batch = 64});
  std::vector<std::uint32_t> rows(data.size());
  std::iota(rows.begin(), rows.end(), 0U);
  const auto training = std::span(rows).first(rows.size() / 2), test = std::span(rows).subspan(rows.size() / 2);
  for (int pass = 0; pass < 4; ++pass) model.learn(data, training, executor);
  std::vector<float> out(test.size());
  model.score(data, test, out, executor);
  if (scores) *scores = out;
  return metrics::auc(out, std::span(data.positive).subspan(rows.size() / 2));
}

TEST(ClickModel, LearnsWhatGoesWithAHistory) { EXPECT_GT(learned_auc(kinds(8000), 1), 0.9); }

TEST(ClickModel, SaysTheSameOnAnyNumberOfThreads) {
  const auto data = kinds(1500);
  std::vector<float> one, two;
  learned_auc(data, 1, &one);
  learned_auc(data, 2, &two);
  EXPECT_EQ(one, two);
}

TEST(ClickModel, ScoringDoesNotDependOnWhatIsScoredBesideIt) {
  Executor executor(1);
  const auto data = kinds(300);
  const auto pieces = pieces_of(40);
  ClickModel model({&pieces, {}}, 1, {.dim = 8});
  std::vector<std::uint32_t> rows(data.size());
  std::iota(rows.begin(), rows.end(), 0U);
  model.learn(data, rows, executor);
  std::vector<float> all(300), single(1);
  model.score(data, rows, all, executor);
  for (const std::uint32_t r : {0U, 17U, 299U}) {
    model.score(data, std::span(rows).subspan(r, 1), single, executor);
    EXPECT_NEAR(single[0], all[r], 1e-4);
  }
}

}  // namespace
}  // namespace penchant::learn
