#include "penchant/evaluate/holdout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "penchant/evaluate/release_columns.h"
#include "penchant/evaluate/test_logs.h"

namespace penchant::evaluate {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kNow = 1'700'000'000'000;

EventLog small_log() {
  return log_of({{{0, kNow}, {1, kNow + 1}, {2, kNow + 2}, {3, kNow + 3}},
                 {{1, kNow}, {0, kNow + 1}, {3, kNow + 2}, {2, kNow + 3}}},
                4);
}

ReleaseFacts release(const std::string& holdout, std::vector<std::int32_t> counts) {
  ReleaseFacts facts;
  facts.manifest.name = "r1";
  facts.manifest.holdout = holdout;
  facts.manifest.holdout_time_ms = kNow + 2;
  facts.item_ids = {"i0", "i1", "i2", "i3"};
  facts.train_count = std::move(counts);
  return facts;
}

Protocol time_protocol(std::int64_t test_ms) {
  return {.kind = Kind::time, .validation_ms = kNow + 2, .test_ms = test_ms};
}

TEST(Holdout, AReleaseThatHeldOutTheProtocolMayBeJudged) {
  const auto last_out = Split::make(small_log(), {}).value();
  EXPECT_TRUE(check_unseen(release("last-out", {2, 2, 0, 0}), last_out).ok());
  const auto time = Split::make(small_log(), time_protocol(kNow + 3)).value();
  EXPECT_TRUE(check_unseen(release("time", {2, 2, 0, 0}), time).ok());
}

TEST(Holdout, NothingOrAnotherProtocolHeldOutIsRefused) {
  const auto last_out = Split::make(small_log(), {}).value();
  const auto none = check_unseen(release("none", {2, 2, 2, 2}), last_out);
  ASSERT_FALSE(none.ok());
  EXPECT_THAT(none.error().message, HasSubstr("held out nothing"));
  EXPECT_THAT(none.error().message, HasSubstr("--holdout last-out"));
  EXPECT_FALSE(check_unseen(release("time", {2, 2, 0, 0}), last_out).ok());
  const auto time = Split::make(small_log(), time_protocol(kNow + 3)).value();
  EXPECT_FALSE(check_unseen(release("last-out", {2, 2, 0, 0}), time).ok());
}

TEST(Holdout, OneItemWithMoreTrainingEventsThanTheProtocolLeavesIsRefused) {
  const auto last_out = Split::make(small_log(), {}).value();
  const auto status = check_unseen(release("last-out", {2, 2, 0, 1}), last_out);
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().message, HasSubstr("learned from 1 events of item \"i3\""));
}

TEST(Holdout, ShuffledTiesAndLaterCutsAreRefused) {
  const auto shuffled = Split::make(small_log(), {.ties = Ties::shuffled}).value();
  EXPECT_THAT(check_unseen(release("last-out", {0, 0, 0, 0}), shuffled).error().message,
              HasSubstr("shuffled"));
  const auto early =
      Split::make(small_log(), {.kind = Kind::time, .validation_ms = kNow + 1, .test_ms = kNow + 1}).value();
  EXPECT_THAT(check_unseen(release("time", {0, 0, 0, 0}), early).error().message,
              HasSubstr("later test cut"));
}

TEST(Holdout, ProtocolFollowsTheManifest) {
  EXPECT_EQ(protocol_of(release("last-out", {}).manifest)->kind, Kind::last_out);
  const auto time = protocol_of(release("time", {}).manifest).value();
  EXPECT_EQ(time.kind, Kind::time);
  EXPECT_EQ(*time.validation_ms, kNow + 2);
  EXPECT_FALSE(protocol_of(release("none", {}).manifest).ok());
}

TEST(Holdout, AReleaseOfOtherDataIsNamed) {
  auto facts = release("last-out", {2, 2, 0, 0});
  EXPECT_TRUE(check_same_items(facts, small_log()).ok());
  facts.item_ids[1] = "other";
  EXPECT_THAT(check_same_items(facts, small_log()).error().message, HasSubstr("item row 1 is \"other\""));
  facts.item_ids.resize(9);
  EXPECT_THAT(check_same_items(facts, small_log()).error().message, HasSubstr("trained on other data"));
  EXPECT_EQ(read_release_facts("/nowhere/at/all").error().code, ErrorCode::not_found);
}

/// Two items, features that name themselves.
class FakeScorer final : public recommend::Scorer {
 public:
  FakeScorer() {
    for (std::size_t f = 0; f < rank::kHistoryFeatures; ++f)
      names_.emplace_back(rank::name_of(static_cast<rank::Feature>(f)));
  }
  [[nodiscard]] std::size_t items() const noexcept override { return 2; }
  [[nodiscard]] const artifact::Manifest& manifest() const noexcept override { return manifest_; }
  [[nodiscard]] const std::vector<std::string>& feature_names() const noexcept override { return names_; }
  Result<Matrix<float>> features(std::span<const recommend::HistoryEvent> history,
                                 std::int64_t) const override {
    Matrix<float> out(2, names_.size());
    for (std::size_t i = 0; i < 2; ++i)
      for (std::size_t f = 0; f < names_.size(); ++f)
        out(i, f) = static_cast<float>(10 * i + f + 100 * history.size());
    return out;
  }
  Result<std::vector<float>> score(std::span<const recommend::HistoryEvent>, std::int64_t) const override {
    return std::vector<float>(2);
  }

 private:
  artifact::Manifest manifest_;
  std::vector<std::string> names_;
};

TEST(ReleaseColumns, ScoresSeveralNamesFromOnePassAndNeverUnknownItems) {
  rank::Ranker ranker;
  rank::Weights weights{};
  weights[rank::column(rank::Feature::generator)] = 3;
  ranker.set_weights(rank::Task::recommend, weights);
  const auto model = ReleaseColumns::make(std::make_shared<FakeScorer>(), ranker,
                                          {"penchant", "generator", "dense"}, {"view"})
                         .value();
  const EventLog log = log_of({{{0, 1}, {3, 2}}}, 4);  // item 3 joined after training
  Matrix<float> out(3, 4);
  ASSERT_TRUE(model->score({log.of(0), 0, 5}, out.view()).ok());
  EXPECT_EQ(out(1, 0), 101);  // one known event
  EXPECT_EQ(out(1, 1), 111);
  EXPECT_EQ(out(2, 1), 110);
  EXPECT_EQ(out(0, 1), 333);
  for (std::size_t c = 0; c < 3; ++c) EXPECT_EQ(out(c, 3), -std::numeric_limits<float>::infinity());
}

TEST(ReleaseColumns, NamesWhatItHas) {
  const auto model = ReleaseColumns::make(std::make_shared<FakeScorer>(), {}, {"magic"}, {});
  ASSERT_FALSE(model.ok());
  EXPECT_THAT(model.error().message, HasSubstr("no model \"magic\": it has penchant, dense, generator"));
}

}  // namespace
}  // namespace penchant::evaluate
