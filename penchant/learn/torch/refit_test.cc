#include "penchant/learn/refit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "penchant/learn/test_data.h"

namespace penchant::learn {
namespace {

using ::testing::ElementsAre;

TEST(Refit, AValidationTargetBecomesTheLastEventOfItsUserAndIsCounted) {
  TrainingData data;
  data.items = 5;
  data.actions = {{.type = "unknown"}};
  data.train = {.offsets = {0, 2, 3}, .items = {0, 1, 2}, .actions = {0, 0, 0}, .times_ms = {10, 20, 30}, .is_target = {1, 0, 1}};
  data.validation = {{1, 4, 50}, {0, 3, 40}, {0, 4, 35}};
  count_events(data);
  const TrainingData more = with_validation_events(data);
  EXPECT_TRUE(validate(more).ok());
  EXPECT_THAT(more.train.offsets, ElementsAre(0, 4, 6));
  EXPECT_THAT(more.train.items, ElementsAre(0, 1, 4, 3, 2, 4));  // by time inside a user
  EXPECT_THAT(more.train.times_ms, ElementsAre(10, 20, 35, 40, 30, 50));
  EXPECT_THAT(more.train.is_target, ElementsAre(1, 0, 1, 1, 1, 1));
  EXPECT_THAT(more.train_count, ElementsAre(1, 1, 1, 1, 2));
  EXPECT_TRUE(more.validation.empty());
  EXPECT_EQ(data.train.events(), 3u);
}

TEST(Refit, IsTrainingOnAllEventsForAsManyEpochsAsWereBest) {
  TrainingData data = ring_data();
  Rng rng(9);
  for (auto& c : data.validation) c.target = static_cast<std::uint32_t>(rng.below(data.items));  // stops early
  TrainOptions o = small_options();
  o.epochs = 6, o.patience = 2;
  const auto first = train(data, o), refitted = train_then_refit(data, o);
  ASSERT_TRUE(first.ok() && refitted.ok());
  ASSERT_LT(first->best_epoch, o.epochs);
  TrainOptions again = o;
  again.stop_after = first->best_epoch;
  const auto expected = train(with_validation_events(data), again);
  ASSERT_TRUE(expected.ok());
  EXPECT_EQ(expected->epochs.size(), first->best_epoch);
  ASSERT_EQ(refitted->tensors.size(), expected->tensors.size());
  for (std::size_t i = 0; i < expected->tensors.size(); ++i)
    EXPECT_EQ(refitted->tensors[i].values, expected->tensors[i].values) << expected->tensors[i].name;
  EXPECT_EQ(refitted->best_epoch, first->best_epoch);
  EXPECT_EQ(refitted->best_ndcg10, first->best_ndcg10);
  EXPECT_EQ(refitted->epochs.size(), first->epochs.size());
}

}  // namespace
}  // namespace penchant::learn
