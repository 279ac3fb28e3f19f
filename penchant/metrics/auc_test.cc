#include "penchant/metrics/auc.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "penchant/base/rng.h"

namespace penchant::metrics {
namespace {

struct Outcomes {
  std::vector<float> scores;
  std::vector<std::uint8_t> positive;
  std::vector<std::uint32_t> users;
};

/// Scores of few values, so that many are equal.
Outcomes draw(std::uint64_t seed, std::size_t n, std::size_t users) {
  Rng rng(seed);
  Outcomes out;
  for (std::size_t i = 0; i < n; ++i) {
    out.positive.push_back(rng.uniform() < 0.4 ? 1 : 0);
    out.scores.push_back(static_cast<float>(rng.below(12)) + (out.positive.back() ? 2.0F : 0.0F));
    out.users.push_back(static_cast<std::uint32_t>(rng.below(users)));
  }
  return out;
}

/// Every pair of a positive and a negative example, one by one.
double slow_auc(const Outcomes& o, std::span<const std::uint16_t> drawn) {
  double won = 0, pairs = 0;
  for (std::size_t p = 0; p < o.scores.size(); ++p)
    for (std::size_t n = 0; n < o.scores.size(); ++n) {
      if (!o.positive[p] || o.positive[n]) continue;
      const double weight = double(drawn[o.users[p]]) * drawn[o.users[n]];
      pairs += weight;
      won += weight * (o.scores[p] > o.scores[n] ? 1 : o.scores[p] == o.scores[n] ? 0.5 : 0);
    }
  return won / pairs;
}

TEST(Auc, IsTheShareOfPairsInOrderUnderAnyDrawOfUsers) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto o = draw(seed, 150, 9);
    const RankedOutcomes ranked(o.scores, o.positive, o.users);
    Rng rng(seed);
    std::vector<std::uint16_t> once(9, 1), drawn;
    for (int u = 0; u < 9; ++u) drawn.push_back(static_cast<std::uint16_t>(rng.below(4)));
    drawn[0] = 1;
    EXPECT_NEAR(ranked.auc(), slow_auc(o, once), 1e-12);
    EXPECT_NEAR(ranked.auc(drawn), slow_auc(o, drawn), 1e-12);
  }
}

TEST(Auc, OfEqualScoresIsAHalfAndOfOneKindNone) {
  const std::vector<float> same{1, 1, 1};
  EXPECT_DOUBLE_EQ(auc(same, std::vector<std::uint8_t>{1, 0, 0}), 0.5);
  EXPECT_TRUE(std::isnan(auc(same, std::vector<std::uint8_t>{1, 1, 1})));
  EXPECT_TRUE(std::isnan(auc({}, {})));
}

TEST(Auc, AScoreThatIsNoNumberIsTheLowest) {
  const float none = std::numeric_limits<float>::quiet_NaN();
  EXPECT_DOUBLE_EQ(auc(std::vector<float>{none, -100.0F}, std::vector<std::uint8_t>{1, 0}), 0.0);
  EXPECT_DOUBLE_EQ(auc(std::vector<float>{none, none, 5.0F}, std::vector<std::uint8_t>{0, 1, 1}), 0.75);
}

TEST(Auc, IntervalsAreTheSameOnAnyNumberOfThreadsAndHoldADifference) {
  const auto a = draw(3, 3000, 60);
  auto worse = a;
  Rng rng(9);
  for (float& score : worse.scores) score += 6 * static_cast<float>(rng.uniform());
  const auto make = [](const Outcomes& o) { return RankedOutcomes(o.scores, o.positive, o.users); };
  const std::vector<std::vector<RankedOutcomes>> columns{{make(a), make(a)}, {make(worse), make(a)}};
  const std::vector<ColumnPair> pairs{{0, 1}, {1, 1}};
  Executor one(1), two(2);
  const auto first = estimate_auc(columns, 60, pairs, {.resamples = 300}, one);
  const auto second = estimate_auc(columns, 60, pairs, {.resamples = 300}, two);
  EXPECT_EQ(first.differences[0].low, second.differences[0].low);
  EXPECT_EQ(first.columns[1].high, second.columns[1].high);
  EXPECT_NEAR(first.columns[0].value, make(a).auc(), 1e-12);
  EXPECT_GT(first.differences[0].low, 0);
  EXPECT_LT(first.columns[0].low, first.columns[0].value);
  EXPECT_EQ(first.differences[1].high, 0);
}

}  // namespace
}  // namespace penchant::metrics
