// The baselines that learn vectors by stochastic gradient.
#include <gtest/gtest.h>

#include <cmath>

#include "penchant/evaluate/baselines/baseline_testing.h"
#include "penchant/evaluate/baselines/bpr.h"
#include "penchant/evaluate/baselines/item2vec.h"
#include "penchant/evaluate/baselines/sampling.h"

namespace penchant::evaluate {
namespace {

TEST(AliasTable, DrawsInProportion) {
  const std::vector<double> weights{0, 1, 2, 0, 5, 0.5};
  const AliasTable table(weights);
  Rng rng(1);
  std::vector<double> drawn(6, 0);
  constexpr int kDraws = 200'000;
  for (int i = 0; i < kDraws; ++i) drawn[table.draw(rng)] += 1;
  for (std::size_t i = 0; i < 6; ++i) {
    const double share = weights[i] / 8.5;
    EXPECT_NEAR(drawn[i] / kDraws, share, 5 * std::sqrt(share / kDraws) + 1e-9) << i;
  }
}

TEST(FillNormal, HasTheMeanAndDeviationAskedFor) {
  std::vector<float> values(100'000);
  Rng rng(3);
  fill_normal(values, 0.5, rng);
  double sum = 0, square = 0;
  for (const float v : values) sum += v, square += static_cast<double>(v) * v;
  EXPECT_NEAR(sum / 1e5, 0, 0.01);
  EXPECT_NEAR(std::sqrt(square / 1e5), 0.5, 0.01);
}

/// Share of queries whose best item is of the group of their user.
double right_group(const Matrix<float>& scores, std::size_t groups, std::size_t size) {
  double right = 0;
  for (std::size_t q = 0; q < scores.rows(); ++q) {
    const auto best = std::ranges::max_element(scores.row(q)) - scores.row(q).begin();
    right += static_cast<std::size_t>(best) / size == q % groups ? 1 : 0;
  }
  return right / static_cast<double>(scores.rows());
}

TEST(Bpr, LearnsWhoBelongsToWhat) {
  const TrainingLog data(grouped_log(200, 5, 6, 1));
  Bpr model({.dim = 16, .epochs = 60, .learning_rate = 0.1});
  Executor executor(1);
  ASSERT_TRUE(model.fit(data.input(), executor, {}).ok());
  EXPECT_GT(right_group(scores_of(model, data), 5, 6), 0.98);
}

TEST(Bpr, AUserItNeverSawIsFoldedInFromTheHistory) {
  const TrainingLog data(grouped_log(200, 5, 6, 1));
  Bpr model({.dim = 16, .epochs = 60, .learning_rate = 0.1, .fold_passes = 20});
  Executor executor(1);
  ASSERT_TRUE(model.fit(data.input(), executor, {}).ok());
  std::vector<Query> strangers = data.queries;
  for (auto& query : strangers) query.user += 1'000'000;
  Matrix<float> out(strangers.size(), 30);
  ASSERT_TRUE(model.score(strangers, out.view()).ok());
  EXPECT_GT(right_group(out, 5, 6), 0.95);
}

TEST(Item2Vec, ItemsOfOneGroupLieTogether) {
  const TrainingLog data(grouped_log(300, 4, 6, 1));
  Item2Vec model({.dim = 16, .epochs = 40, .learning_rate = 0.1});
  Executor executor(1);
  ASSERT_TRUE(model.fit(data.input(), executor, {}).ok());
  double within = 0, between = 0;
  const auto vectors = model.vectors();
  for (std::size_t i = 0; i < 24; ++i)
    for (std::size_t j = 0; j < 24; ++j) {
      if (i == j) continue;
      double cosine = 0;
      for (std::size_t k = 0; k < 16; ++k) cosine += static_cast<double>(vectors(i, k)) * vectors(j, k);
      (i / 6 == j / 6 ? within : between) += cosine;
    }
  within /= 24 * 5, between /= 24 * 18;
  EXPECT_GT(within, 0.6);
  EXPECT_LT(between, within - 0.3);
  EXPECT_GT(right_group(scores_of(model, data), 4, 6), 0.98);
}

TEST(Item2Vec, ScoreIsTheDecayedCosineWithoutTheItemItself) {
  const TrainingLog data(random_log(50, 20, 6, 9));
  Item2Vec model({.dim = 8, .epochs = 2, .decay = 0.5});
  Executor executor(1);
  ASSERT_TRUE(model.fit(data.input(), executor, {}).ok());
  const auto vectors = model.vectors();
  const auto scores = scores_of(model, data);
  for (std::size_t q = 0; q < data.queries.size(); ++q)
    for (std::size_t i = 0; i < 19; ++i) {
      if (data.training.item_counts()[i] == 0) continue;
      double expected = 0, weight = 1;
      std::set<std::uint32_t> had;
      const auto history = data.queries[q].history;
      for (std::size_t age = 0; age < history.size(); ++age, weight *= 0.5) {
        const auto item = history[history.size() - 1 - age].item;
        if (!had.insert(item).second || item == i) continue;
        for (std::size_t k = 0; k < 8; ++k) expected += weight * vectors(item, k) * vectors(i, k);
      }
      EXPECT_NEAR(scores(q, i), expected, 1e-5);
    }
}

TEST(StochasticGradient, ThatDivergedIsAnErrorAndNamesTheRate) {
  const TrainingLog data(grouped_log(100, 2, 6, 1));
  Executor executor(1);
  Bpr bpr({.dim = 8, .epochs = 200, .learning_rate = 10, .regularization = 1});
  Item2Vec item2vec({.dim = 8, .epochs = 200, .learning_rate = 10});
  for (Model* model : {static_cast<Model*>(&bpr), static_cast<Model*>(&item2vec)}) {
    const auto status = model->fit(data.input(), executor, {});
    ASSERT_FALSE(status.ok()) << model->names().front();
    EXPECT_NE(status.error().message.find("learning_rate 10: use a smaller one"), std::string::npos);
  }
}

}  // namespace
}  // namespace penchant::evaluate
