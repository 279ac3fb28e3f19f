#include "penchant/evaluate/release/holdout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "penchant/evaluate/release/columns.h"
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

TEST(Holdout, AnotherOrderOfTiesAndLaterCutsAreRefused) {
  const auto given = Split::make(small_log(), {}).value();
  const auto shuffled = Split::make(small_log(), {.ties = Ties::shuffled, .seed = 3}).value();
  auto facts = release("last-out", {0, 0, 0, 0});
  EXPECT_TRUE(check_unseen(facts, given).ok());
  EXPECT_THAT(check_unseen(facts, shuffled).error().message, HasSubstr("--holdout last-out --ties-seed 3"));
  facts.manifest.ties_seed = 3;
  EXPECT_TRUE(check_unseen(facts, shuffled).ok());
  EXPECT_THAT(check_unseen(facts, given).error().message, HasSubstr("trained on the shuffle 3 of events of one moment"));
  const auto protocol = protocol_of(facts.manifest).value();
  EXPECT_EQ(protocol.ties, Ties::shuffled);
  EXPECT_EQ(protocol.seed, 3u);
  const auto early =
      Split::make(small_log(), {.kind = Kind::time, .validation_ms = kNow + 1, .test_ms = kNow + 1}).value();
  EXPECT_THAT(check_unseen(release("time", {0, 0, 0, 0}), early).error().message,
              HasSubstr("later test cut"));
}

/// Forty days of one event a day for three people, six items.
EventLog long_log() {
  std::vector<std::vector<Step>> users(3);
  for (std::uint32_t u = 0; u < 3; ++u)
    for (std::uint32_t d = 0; d < 40; ++d) users[u].push_back({(u + d) % 4, kNow + d * kDayMs});
  return log_of(users, 4);
}

TEST(Holdout, WindowsNeedAReleaseWhoseWholeTrainingIsOlder) {
  const Split split = Split::make(long_log(), {.kind = Kind::windows, .test_ms = kNow + 20 * kDayMs}).value();
  auto facts = release("time", {1, 1, 1, 1});
  facts.manifest.holdout_time_ms = kNow + 10 * kDayMs;
  facts.manifest.holdout_test_ms = kNow + 20 * kDayMs;
  EXPECT_TRUE(check_unseen(facts, split).ok());
  facts.manifest.holdout_test_ms = kNow + 21 * kDayMs;  // its early stop looked into the first window
  EXPECT_THAT(check_unseen(facts, split).error().message, HasSubstr("later test cut"));
  facts.manifest.holdout_test_ms = kNow + 20 * kDayMs;
  facts.train_count[2] = 99;
  EXPECT_THAT(check_unseen(facts, split).error().message, HasSubstr("it saw held-out events"));
  for (const char* holdout : {"last-out", "cold", "none"}) {
    const auto status = check_unseen(release(holdout, {0, 0, 0, 0}), split);
    ASSERT_FALSE(status.ok()) << holdout;
    EXPECT_THAT(status.error().message, HasSubstr("train a release with --holdout time"));
  }
}

TEST(Holdout, ATimeReleaseWhoseEarlyStopReachesIntoTheTestIsRefused) {
  const auto split = Split::make(small_log(), time_protocol(kNow + 3)).value();
  auto facts = release("time", {2, 2, 0, 0});
  facts.manifest.holdout_test_ms = kNow + 3;
  EXPECT_TRUE(check_unseen(facts, split).ok());
  facts.manifest.holdout_test_ms = kNow + 4;
  EXPECT_THAT(check_unseen(facts, split).error().message, HasSubstr("later test cut"));
}

TEST(Holdout, ColdNeedsTheSameColdItems) {
  EventLog log = long_log();
  Protocol protocol{.kind = Kind::cold, .cold_share = 0.25, .cold_seed = 1};
  while (!Split::make(log, protocol).ok()) ++protocol.cold_seed;  // one of four items is somebody's last
  const Split split = Split::make(log, protocol).value();
  auto facts = release("cold", {});
  for (const auto count : split.training().item_counts()) facts.train_count.push_back(static_cast<std::int32_t>(count));
  facts.manifest.cold_share = 0.25;
  facts.manifest.cold_seed = protocol.cold_seed;
  EXPECT_TRUE(check_unseen(facts, split).ok());
  const auto last_out = Split::make(log, {}).value();
  EXPECT_TRUE(check_unseen(facts, last_out).ok()) << "it held out all that last-out asks";
  for (const char* holdout : {"last-out", "time", "none"}) {
    auto other = facts;
    other.manifest.holdout = holdout;
    EXPECT_THAT(check_unseen(other, split).error().message, HasSubstr("train a release with --holdout cold")) << holdout;
  }
  auto other = facts;
  ++other.manifest.cold_seed;
  EXPECT_THAT(check_unseen(other, split).error().message, HasSubstr("held out other cold items"));
  other = facts;
  for (std::size_t i = 0; i < 4; ++i)
    if (split.held_out_items()[i] != 0) other.train_count[i] = 1;
  EXPECT_THAT(check_unseen(other, split).error().message, HasSubstr("learned from 1 events of item"));
  const auto protocol_again = protocol_of(facts.manifest).value();
  EXPECT_EQ(protocol_again.kind, Kind::cold);
  EXPECT_EQ(protocol_again.cold_share, 0.25);
  EXPECT_EQ(protocol_again.cold_seed, protocol.cold_seed);
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
  Result<Matrix<float>> features(std::span<const recommend::HistoryEvent> history, std::int64_t,
                                 const recommend::GeneratorRows&) const override {
    Matrix<float> out(2, names_.size());
    for (std::size_t i = 0; i < 2; ++i)
      for (std::size_t f = 0; f < names_.size(); ++f)
        out(i, f) = static_cast<float>(10 * i + f + 100 * history.size());
    return out;
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
  ASSERT_TRUE(model->score(std::array{Query{log.of(0), 0, 5}}, out.view()).ok());
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
