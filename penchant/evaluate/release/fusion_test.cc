#include "penchant/evaluate/release/fusion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "penchant/base/rng.h"

namespace penchant::evaluate {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

/// Targets are drawn by softmax(signal * column 2); the other columns are noise.
std::vector<FusionList> lists_with_signal_in_transitions(std::size_t users, double signal,
                                                         std::uint64_t seed) {
  Rng rng(seed);
  const auto gauss = [&] {
    return std::sqrt(-2 * std::log(1 - rng.uniform())) * std::cos(6.283185307179586 * rng.uniform());
  };
  std::vector<FusionList> lists(users);
  for (auto& fusion : lists) {
    fusion.features = Matrix<float>(40, rank::kHistoryFeatures);
    for (auto& value : fusion.features.values()) value = static_cast<float>(gauss());
    fusion.seen.assign(40, 0);
    fusion.stands_for.assign(40, 1);
    std::vector<double> weight;
    double sum = 0;
    for (std::size_t r = 0; r < 40; ++r)
      weight.push_back(sum += std::exp(signal * static_cast<double>(fusion.features(r, 2))));
    const double draw = rng.uniform() * sum;
    fusion.target = static_cast<std::size_t>(std::ranges::lower_bound(weight, draw) - weight.begin());
  }
  return lists;
}

TEST(ChooseWeights, FindsTheFeatureThatOrdersTheTargets) {
  const auto lists = lists_with_signal_in_transitions(300, 2.0, 1);
  Executor executor(2);
  const auto report = choose_weights(lists, true, {}, executor).value();
  EXPECT_TRUE(report.fitted) << report.why;
  EXPECT_GT(report.ndcg10, report.default_ndcg10);
  EXPECT_THAT(report.dropped, ::testing::Not(Contains("transitions")));
  const double weight = report.weights[rank::column(rank::Feature::transitions)];
  EXPECT_GT(weight, 1.5);
  for (const auto f : {rank::Feature::dense, rank::Feature::popularity, rank::Feature::content})
    EXPECT_LT(std::abs(report.weights[rank::column(f)]), weight / 5);
}

TEST(ChooseColdWeight, FindsHowMuchLikelierNewItemsAreThanTheirScoresSay) {
  const std::size_t cold = rank::column(rank::Feature::cold), transitions = rank::column(rank::Feature::transitions);
  rank::Weights weights{};
  weights[transitions] = 1;
  for (const double truth : {-1.0, 0.0, 1.5}) {
    auto lists = lists_with_signal_in_transitions(3000, 0, 5);
    Rng rng(6);
    for (auto& list : lists) {
      std::vector<double> until;
      double sum = 0;
      for (std::size_t r = 0; r < 40; ++r) {
        list.features(r, cold) = rng.uniform() < 0.1 ? 1 : 0;
        until.push_back(sum += std::exp(list.features(r, transitions) + truth * list.features(r, cold)));
      }
      const double draw = rng.uniform() * sum;
      list.target = static_cast<std::size_t>(std::ranges::lower_bound(until, draw) - until.begin());
    }
    EXPECT_NEAR(choose_cold_weight(lists, weights, false, {.new_share = 0}).value(), truth, 0.25);  // three standard errors and more
  }
  // Without new items among the targets there is nothing to learn from.
  auto lists = lists_with_signal_in_transitions(200, 1, 7);
  for (auto& list : lists)
    for (std::size_t r = 0; r < 40; ++r) list.features(r, cold) = r != list.target && r % 5 == 0 ? 1 : 0;
  EXPECT_EQ(choose_cold_weight(lists, weights, false, {}).value(), 0);
}

TEST(ChooseColdWeight, GivesNewItemsTheirShareOfTheFirstTenPlaces) {
  const std::size_t cold = rank::column(rank::Feature::cold), transitions = rank::column(rank::Feature::transitions);
  rank::Weights weights{};
  weights[transitions] = 1;
  auto lists = lists_with_signal_in_transitions(1000, 2, 8);
  Rng rng(9);
  double chosen = 0;
  for (auto& list : lists) {
    for (std::size_t r = 0; r < list.features.rows(); ++r) {
      list.features(r, cold) = rng.uniform() < 0.1 ? 1 : 0;
      if (list.features(r, cold) != 0) list.features(r, transitions) -= 3;  // what they lack
    }
    chosen += list.features(list.target, cold) / 1000;
  }
  for (const double share : {1.0, 2.0, 4.0}) {
    const double weight = choose_cold_weight(lists, weights, false, {.new_share = share}).value();
    double places = 0;
    for (const auto& list : lists) {  // every row stands for itself
      std::vector<std::pair<double, float>> order;
      for (std::size_t r = 0; r < list.features.rows(); ++r)
        order.emplace_back(-(list.features(r, transitions) + weight * list.features(r, cold)), list.features(r, cold));
      std::ranges::sort(order);
      for (std::size_t k = 0; k < 10; ++k) places += order[k].second / 10 / 1000;
    }
    EXPECT_NEAR(places, share * chosen, 0.002) << share;
  }
  EXPECT_LT(choose_cold_weight(lists, weights, false, {.new_share = 1}).value(), choose_cold_weight(lists, weights, false, {.new_share = 2}).value());
}

TEST(ChooseWeights, IsTheSameForAnyNumberOfThreads) {
  const auto lists = lists_with_signal_in_transitions(100, 1.0, 2);
  Executor one(1), three(3);
  const auto a = choose_weights(lists, true, {}, one).value();
  const auto b = choose_weights(lists, true, {}, three).value();
  EXPECT_EQ(a.weights, b.weights);
  EXPECT_EQ(a.ndcg10, b.ndcg10);
}

TEST(ChooseWeights, LearnsThatSeenItemsDoNotComeBack) {
  auto lists = lists_with_signal_in_transitions(200, 2.0, 3);
  const std::size_t seen = rank::column(rank::Feature::seen);
  for (auto& fusion : lists)
    for (std::size_t r = 0; r < 40; ++r) {
      fusion.seen[r] = r != fusion.target && r % 4 == 0 ? 1 : 0;
      fusion.features(r, seen) = fusion.seen[r];
    }
  Executor executor(2);
  const auto report = choose_weights(lists, true, {}, executor).value();
  EXPECT_TRUE(report.fitted);
  EXPECT_LT(report.weights[seen], -2);  // the list that keeps seen items needs it
}

TEST(ChooseWeights, NeverHoldsAgainstAnItemThatTheGeneratorFoundIt) {
  // Targets are what the dense head likes and a noisy twin of it does not: apart from each other both count.
  auto lists = lists_with_signal_in_transitions(200, 0, 8);
  Rng rng(8);
  for (auto& fusion : lists) {
    double top = -1e9;
    for (std::size_t r = 0; r < 40; ++r) {
      const double dense = rng.uniform() * 4, noise = rng.uniform() * 2;
      fusion.features(r, rank::column(rank::Feature::dense)) = static_cast<float>(dense + noise);
      fusion.features(r, rank::column(rank::Feature::generator)) = static_cast<float>(dense + 2 * noise);
      if (dense > top) top = dense, fusion.target = r;
    }
  }
  Executor executor(2);
  const auto report = choose_weights(lists, true, {}, executor).value();
  EXPECT_TRUE(report.fitted);
  EXPECT_EQ(report.weights[rank::column(rank::Feature::generator)], 0);
  EXPECT_GT(report.weights[rank::column(rank::Feature::dense)], 0.5);
  EXPECT_THAT(report.dropped, ::testing::Contains("generator"));
}

TEST(ChooseWeights, KeepsTheDefaultsWhereThereIsTooLittleToLearnFrom) {
  const auto lists = lists_with_signal_in_transitions(20, 2.0, 4);
  Executor executor(1);
  const auto report = choose_weights(lists, true, {}, executor).value();
  EXPECT_FALSE(report.fitted);
  EXPECT_THAT(report.why, HasSubstr("only 20 validation events"));
  EXPECT_EQ(report.weights, rank::Ranker().weights(rank::Task::recommend));
}

TEST(ChooseWeights, WhereTheDefaultsAreRightOnlySeenIsFitted) {
  // Targets drawn by the default weights themselves, never among the seen items.
  auto lists = lists_with_signal_in_transitions(150, 0, 6);
  const auto defaults = rank::Ranker().weights(rank::Task::recommend);
  for (auto& fusion : lists) {
    std::size_t best = 0;
    double top = -1e9;
    for (std::size_t r = 0; r < 40; ++r) {
      fusion.seen[r] = r % 4 == 0 ? 1 : 0;
      fusion.features(r, rank::column(rank::Feature::seen)) = fusion.seen[r];
      double score = fusion.seen[r] != 0 ? -1e6 : 0;
      for (std::size_t f = 0; f < rank::kHistoryFeatures; ++f)
        score += defaults[f] * static_cast<double>(fusion.features(r, f));
      if (score > top) top = score, best = r;
    }
    fusion.target = best;
  }
  Executor executor(2);
  const auto report = choose_weights(lists, true, {}, executor).value();
  EXPECT_FALSE(report.fitted);
  EXPECT_NEAR(report.default_ndcg10, 1, 1e-9);
  rank::Weights but_seen = report.weights;
  but_seen[rank::column(rank::Feature::seen)] = 0;
  EXPECT_EQ(but_seen, defaults);
  EXPECT_LT(report.weights[rank::column(rank::Feature::seen)], -1);
}

TEST(ChooseWeights, ASampledRowCountsForAllItStandsFor) {
  auto lists = lists_with_signal_in_transitions(60, 2.0, 7);
  Executor executor(1);
  const double as_one = choose_weights(lists, false, {}, executor)->default_ndcg10;
  for (auto& fusion : lists)
    for (std::size_t r = 0; r < 40; ++r)
      if (r != fusion.target) fusion.stands_for[r] = 10;
  EXPECT_LT(choose_weights(lists, false, {}, executor)->default_ndcg10, as_one);
}

TEST(ChooseWeights, RefusesListsThatDoNotFit) {
  auto lists = lists_with_signal_in_transitions(60, 2.0, 5);
  lists[7].seen.pop_back();
  Executor executor(1);
  const auto report = choose_weights(lists, true, {}, executor);
  ASSERT_FALSE(report.ok());
  EXPECT_THAT(report.error().message, HasSubstr("fusion list 7"));
}

}  // namespace
}  // namespace penchant::evaluate
