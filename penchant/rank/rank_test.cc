#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "penchant/base/rng.h"
#include "penchant/rank/fit.h"
#include "penchant/rank/ranker.h"

namespace penchant::rank {
namespace {

TEST(Ranker, WrittenAndParsedIsTheSame) {
  Ranker ranker;
  Weights weights{};
  std::iota(weights.begin(), weights.end(), -2.5);
  ranker.set_weights(Task::similar, weights);
  const auto parsed = Ranker::parse(ranker.to_json());
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  for (std::size_t t = 0; t < kTasks; ++t)
    EXPECT_EQ(parsed.value().weights(static_cast<Task>(t)), ranker.weights(static_cast<Task>(t)));
}

TEST(Ranker, AFileWithFewFeaturesKeepsTheDefaultsOfOtherTasks) {
  const auto parsed = Ranker::parse(R"({"features":["content","dense"],"tasks":{"recommend":{"weights":[2,3]},"later":{}}})");
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  std::array<float, kFeatures> row{};
  row[column(Feature::dense)] = 10;
  row[column(Feature::content)] = 1;
  row[column(Feature::generator)] = 100;
  EXPECT_DOUBLE_EQ(parsed.value().score(Task::recommend, row), 32);
  EXPECT_EQ(parsed.value().weights(Task::search), Ranker().weights(Task::search));
}

TEST(Ranker, HostileFilesAreRefusedByName) {
  const auto message = [](std::string_view text) {
    const auto parsed = Ranker::parse(text);
    return parsed.ok() ? std::string("accepted") : parsed.error().message;
  };
  EXPECT_THAT(message(""), testing::HasSubstr("not JSON"));
  EXPECT_THAT(message("[]"), testing::HasSubstr("not an object"));
  EXPECT_THAT(message("{}"), testing::HasSubstr("features"));
  EXPECT_THAT(message(R"({"features":["magic"],"tasks":{}})"), testing::HasSubstr("unknown feature 'magic'"));
  EXPECT_THAT(message(R"({"features":["dense","dense"],"tasks":{}})"), testing::HasSubstr("twice"));
  EXPECT_THAT(message(R"({"features":["dense"]})"), testing::HasSubstr("tasks"));
  EXPECT_THAT(message(R"({"features":["dense"],"tasks":{"recommend":{"weights":[]}}})"), testing::HasSubstr("with 1 numbers"));
  EXPECT_THAT(message(R"({"features":["dense"],"tasks":{"recommend":{"weights":["1"]}}})"), testing::HasSubstr("weight 0 of task 'recommend'"));
  EXPECT_THAT(message(R"({"features":["dense"],"tasks":{"recommend":{"weights":[1e99]}}})"), testing::HasSubstr("1e6"));
  EXPECT_THAT(message(std::string(5000, '[')), testing::HasSubstr("not JSON"));
  EXPECT_THAT(message(std::string(3 << 20, ' ')), testing::HasSubstr("1 MiB"));
}

TEST(Ranker, AbsentFileMeansDefaults) {
  const auto ranker = Ranker::load("/nonexistent/ranker.json");
  ASSERT_TRUE(ranker.ok());
  EXPECT_EQ(ranker.value().weights(Task::recommend), Ranker().weights(Task::recommend));
}

/// Lists whose target is drawn from the softmax of known weights.
std::vector<FitList> drawn_lists(const std::vector<double>& weights, const std::vector<double>& scales, std::size_t count) {
  Rng rng(5);
  std::vector<FitList> lists;
  for (std::size_t l = 0; l < count; ++l) {
    FitList list{Matrix<float>(20, weights.size()), 0};
    std::vector<double> p(20);
    for (std::size_t r = 0; r < 20; ++r) {
      double logit = 0;
      for (std::size_t f = 0; f < weights.size(); ++f) {
        list.features(r, f) = static_cast<float>((rng.uniform() - 0.5) * scales[f] + 7);
        logit += weights[f] * static_cast<double>(list.features(r, f));
      }
      p[r] = std::exp(logit);
    }
    double u = rng.uniform() * std::accumulate(p.begin(), p.end(), 0.0);
    while (list.target + 1 < 20 && (u -= p[list.target]) > 0) ++list.target;
    lists.push_back(std::move(list));
  }
  return lists;
}

TEST(Fit, FindsTheWeightsThatDrewTheTargets) {
  const std::vector<double> truth{2, -0.03, 0};
  const auto lists = drawn_lists(truth, {3, 100, 1}, 3000);
  const auto fit = fit_weights(lists);
  ASSERT_TRUE(fit.ok()) << fit.error().message;
  EXPECT_TRUE(fit.value().converged);
  EXPECT_LT(fit.value().loss, fit.value().loss_before - 0.1);
  EXPECT_NEAR(fit.value().weights[0], 2, 0.15);
  EXPECT_NEAR(fit.value().weights[1], -0.03, 0.003);
  EXPECT_NEAR(fit.value().weights[2], 0, 0.15);
}

TEST(Fit, EqualsPlainGradientDescentOnTheSameObjective) {
  const auto lists = drawn_lists({1, -1}, {1, 1}, 60);
  FitOptions options;
  options.l2 = 0;
  const auto fit = fit_weights(lists, options).value();
  std::vector<double> w(2, 0);
  for (int step = 0; step < 20000; ++step) {
    std::vector<double> gradient(2, 0);
    for (const auto& list : lists) {
      double sum = 0;
      std::vector<double> p(20);
      for (std::size_t r = 0; r < 20; ++r) sum += p[r] = std::exp(w[0] * static_cast<double>(list.features(r, 0)) + w[1] * static_cast<double>(list.features(r, 1)));
      for (std::size_t f = 0; f < 2; ++f) {
        for (std::size_t r = 0; r < 20; ++r) gradient[f] += p[r] / sum * static_cast<double>(list.features(r, f));
        gradient[f] -= static_cast<double>(list.features(list.target, f));
      }
    }
    for (std::size_t f = 0; f < 2; ++f) w[f] -= 0.1 * gradient[f] / 60;
  }
  EXPECT_NEAR(fit.weights[0], w[0], 1e-2);
  EXPECT_NEAR(fit.weights[1], w[1], 1e-2);
}

TEST(Fit, SeparableTargetsAndConstantFeaturesStayFinite) {
  std::vector<FitList> lists;
  for (int l = 0; l < 5; ++l) {
    FitList list{Matrix<float>(3, 2), 1};
    list.features(1, 0) = 1;
    for (std::size_t r = 0; r < 3; ++r) list.features(r, 1) = 4;
    lists.push_back(std::move(list));
  }
  const auto fit = fit_weights(lists).value();
  EXPECT_GT(fit.weights[0], 1);
  EXPECT_TRUE(std::isfinite(fit.weights[0]));
  EXPECT_EQ(fit.weights[1], 0);
}

TEST(Fit, OffsetsStandForWhatIsKnownBefore) {
  // The prior already scores as the truth does: nothing is left to learn.
  auto lists = drawn_lists({2, -1}, {2, 2}, 4000);
  for (auto& list : lists)
    for (std::size_t r = 0; r < 20; ++r) list.offsets.push_back(2 * list.features(r, 0) - list.features(r, 1));
  const auto nothing = fit_weights(lists).value();
  EXPECT_NEAR(nothing.weights[0], 0, 0.15);
  EXPECT_NEAR(nothing.weights[1], 0, 0.15);
  EXPECT_NEAR(nothing.loss, nothing.loss_before, 0.01);

  // One row that stands for ten weighs as ten equal rows do.
  FitList ten{Matrix<float>(11, 1), 0}, one{Matrix<float>(2, 1), 0, {0.0F, std::log(10.0F)}};
  ten.features(0, 0) = one.features(0, 0) = 1;
  const auto a = fit_weights(std::span(&ten, 1), {.l2 = 0.1}).value(), b = fit_weights(std::span(&one, 1), {.l2 = 0.1}).value();
  EXPECT_NEAR(a.loss_before, b.loss_before, 1e-6);
}

TEST(Fit, BadListsAreNamed) {
  EXPECT_FALSE(fit_weights({}).ok());
  std::vector<FitList> lists(2);
  lists[0].features = Matrix<float>(2, 2);
  lists[1].features = Matrix<float>(2, 3);
  EXPECT_THAT(fit_weights(lists).error().message, testing::HasSubstr("list 1: 3 features, expected 2"));
  lists[1].features = Matrix<float>(2, 2);
  lists[1].target = 2;
  EXPECT_THAT(fit_weights(lists).error().message, testing::HasSubstr("list 1: target 2"));
  lists[1].target = 0;
  lists[1].offsets = {0};
  EXPECT_THAT(fit_weights(lists).error().message, testing::HasSubstr("list 1: 1 offsets for 2 candidates"));
  lists[1].offsets.clear();
  lists[1].features(0, 0) = NAN;
  EXPECT_THAT(fit_weights(lists).error().message, testing::HasSubstr("not finite"));
}

}  // namespace
}  // namespace penchant::rank
