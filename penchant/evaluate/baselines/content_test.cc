// Baselines that need no gradient: content, hybrid, recent popularity; and how they read a history.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "penchant/evaluate/baselines/baseline_testing.h"
#include "penchant/evaluate/baselines/content_knn.h"
#include "penchant/evaluate/baselines/counting.h"
#include "penchant/evaluate/baselines/history.h"
#include "penchant/evaluate/baselines/hybrid.h"
#include "penchant/evaluate/baselines/popularity_recent.h"

namespace penchant::evaluate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
constexpr float kNever = -std::numeric_limits<float>::infinity();

TEST(WeighHistory, EveryItemOnceWithTheWeightOfItsNewestEvent) {
  for (const std::size_t length : {1, 5, 64, 65, 66, 200, 400})
    for (const double decay : {0.5, 0.99, 1.0}) {
      Rng rng(length);
      std::vector<Interaction> history(length);
      for (auto& event : history) event.item = static_cast<std::uint32_t>(rng.below(length));
      std::map<std::uint32_t, double> expected;
      double weight = 1;
      for (std::size_t age = 0; age < length && weight >= 1e-6; ++age, weight *= decay)
        expected.try_emplace(history[length - 1 - age].item, weight);
      std::vector<WeightedItem> out{{9, 9}};
      weigh_history(history, decay, out);
      ASSERT_EQ(out.size(), expected.size()) << length;
      for (std::size_t i = 0; i < out.size(); ++i) {
        EXPECT_FLOAT_EQ(out[i].weight, static_cast<float>(expected.at(out[i].item)));
        EXPECT_LE(out[i].weight, out[i > 0 ? i - 1 : 0].weight);
      }
    }
}

TEST(ContentKnn, IsTheDecayedCosineWithoutTheItemItself) {
  const TrainingLog data(random_log(30, 25, 8, 2));
  Rng rng(1);
  Matrix<float> content(25, 7);
  for (float& v : content.values()) v = static_cast<float>(rng.uniform() - 0.5);
  std::ranges::fill(content.row(3), 0.0f);  // missing
  ContentKnn model(0.6);
  Executor executor(1);
  ASSERT_TRUE(model.fit(data.input(content.view()), executor, {}).ok());
  const auto scores = scores_of(model, data);
  const auto cosine = [&](std::size_t a, std::size_t b) {
    double dot = 0, aa = 0, bb = 0;
    for (std::size_t k = 0; k < 7; ++k) {
      dot += static_cast<double>(content(a, k)) * content(b, k);
      aa += static_cast<double>(content(a, k)) * content(a, k);
      bb += static_cast<double>(content(b, k)) * content(b, k);
    }
    return aa * bb == 0 ? 0 : dot / std::sqrt(aa * bb);
  };
  for (std::size_t q = 0; q < data.queries.size(); ++q)
    for (std::size_t i = 0; i < 25; ++i) {
      if (i == 3) {
        EXPECT_EQ(scores(q, i), kNever);
        continue;
      }
      std::vector<WeightedItem> history;
      weigh_history(data.queries[q].history, 0.6, history);
      double expected = 0;
      for (const auto& [item, weight] : history)
        if (item != i) expected += weight * cosine(item, i);
      EXPECT_NEAR(scores(q, i), expected, 2e-6);  // item 24 has no event and is reached all the same
    }
}

TEST(ContentKnn, RefusesContentThatDoesNotFit) {
  const TrainingLog data(random_log(5, 6, 4, 2));
  Executor executor(1);
  Matrix<float> few(5, 3), broken(6, 3);
  broken(2, 1) = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(ContentKnn(0.7).fit(data.input(few.view()), executor, {}).error().message,
              HasSubstr("5 content vectors for 6 items"));
  EXPECT_THAT(ContentKnn(0.7).fit(data.input(broken.view()), executor, {}).error().message,
              HasSubstr("item row 2 is not finite"));
}

TEST(PopularityRecent, CountsTheWindowByTimeOrByPlace) {
  constexpr std::int64_t kDay = 86'400'000;
  EventLog log = log_of(
      {{{0, 0}, {1, 50 * kDay}, {2, 100 * kDay}}, {{0, 10 * kDay}, {1, 95 * kDay}}, {{0, 0}, {0, 1}, {3, 2}}},
      5);
  Executor executor(1);
  const auto fitted = [&](bool world) {
    log.world_times = world;
    const TrainingLog data(log);
    PopularityRecent model({.days = 10, .share = 0.3});
    model.fit(data.input(), executor, {}).value();
    const auto scores = scores_of(model, data);
    return std::vector<float>(scores.row(0).begin(), scores.row(0).end());
  };
  // Of the ten days before day 100: item 2 and item 1. The rest by all events (0: 4 of most 4, 3: 1).
  const auto by_time = fitted(true);
  EXPECT_THAT(by_time, ElementsAre(4 / 5.0f, 1 + 2 / 5.0f, 1 + 1 / 5.0f, 1 / 5.0f, 0.0f));
  // Of each user the last event: 2, 1, 3.
  const auto by_place = fitted(false);
  EXPECT_THAT(by_place, ElementsAre(4 / 5.0f, 1 + 2 / 5.0f, 1 + 1 / 5.0f, 1 + 1 / 5.0f, 0.0f));
}

/// A log in which what follows is decided by the newest item alone; some validation targets.
struct FollowLog : TrainingLog {
  FollowLog() : TrainingLog(make()) {
    for (std::uint32_t u = 0; u < 100; ++u)
      validation.push_back({log.of(u), u, (log.of(u).back().item + 1) % 12});
  }
  static EventLog make() {
    std::vector<std::vector<Step>> steps(100);
    for (std::size_t u = 0; u < 100; ++u)
      for (std::int64_t n = 0; n < 5; ++n)
        steps[u].push_back({static_cast<std::uint32_t>((u + static_cast<std::size_t>(n)) % 12), n});
    EventLog log = log_of(steps, 14);  // items 12 and 13 are new
    log.world_times = false;
    return log;
  }
};

TEST(Hybrid, TrustsThePartThatIsRight) {
  const FollowLog data;
  Hybrid model({});
  Executor executor(2);
  ASSERT_TRUE(model.fit(data.input(), executor, {}).ok());
  EXPECT_GT(model.weights()[0], 0);                   // transitions know
  EXPECT_LE(model.weights()[2], model.weights()[0]);  // popularity does not
  const auto scores = scores_of(model, data);
  for (std::size_t q = 0; q < 100; ++q) {
    auto row = scores.row(q);
    std::uint32_t best = 0;
    for (std::uint32_t i = 1; i < 12; ++i) {
      const bool seen =
          std::ranges::any_of(data.queries[q].history, [&](const auto& e) { return e.item == i; });
      const bool best_seen =
          std::ranges::any_of(data.queries[q].history, [&](const auto& e) { return e.item == best; });
      if (!seen && (best_seen || row[i] > row[best])) best = i;
    }
    EXPECT_EQ(best, data.validation[q].target);
  }
}

TEST(Hybrid, WithoutValidationQueriesKeepsItsPlainWeights) {
  const TrainingLog data(random_log(20, 10, 5, 1));
  Hybrid model({});
  Executor executor(1);
  ASSERT_TRUE(model.fit(data.input(), executor, {}).ok());
  EXPECT_THAT(model.weights(), ElementsAre(1, 1, 0.1, 1));
}

TEST(Hybrid, ReachesANewItemThroughItsContent) {
  FollowLog data;
  data.validation.clear();
  Matrix<float> content(14, 12);
  for (std::size_t i = 0; i < 12; ++i) content(i, i) = 1;
  content(12, 11) = content(12, 10) = 1;  // like 10 and 11
  Hybrid model({});
  Executor executor(1);
  ASSERT_TRUE(model.fit(data.input(content.view()), executor, {}).ok());
  const std::vector<Interaction> history{{.item = 10}, {.item = 11}};
  const Query query{history, 0, 0, 0};
  Matrix<float> out(1, 14);
  ASSERT_TRUE(model.score({&query, 1}, out.view()).ok());
  EXPECT_GT(out(0, 12), out(0, 13));
  EXPECT_GT(out(0, 12), out(0, 5));
}

}  // namespace
}  // namespace penchant::evaluate
