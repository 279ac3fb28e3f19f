#include "penchant/evaluate/downstream/downstream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "penchant/evaluate/downstream/finetune_outcomes.h"
#include "penchant/evaluate/downstream/user_features.h"
#include "penchant/evaluate/split/split.h"
#include "penchant/recommend/test_release.h"

namespace penchant::evaluate {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kT = 1'600'041'600'000;  // midnight UTC
constexpr std::uint32_t kUsers = 120, kDays = 20, kItems = 40, kGenres = 4, kPerGenre = 10;

/// People who watch their genre two times in three and like it and the next one, the others seldom; the test release
/// reads as state of a user the genre of the history.
class DownstreamTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Rng rng(5);
    std::vector<std::vector<Outcome>> of_user(kUsers);
    for (std::uint32_t day = 0; day < kDays; ++day)
      for (std::uint32_t u = 0; u < kUsers; ++u)
        for (std::uint32_t k = 0; k < 3; ++k) {
          const bool own = rng.below(3) < 2;
          const auto genre = static_cast<std::uint32_t>(own ? u % kGenres : rng.below(kGenres));
          const auto item = genre * kPerGenre + static_cast<std::uint32_t>(rng.below(kPerGenre));
          const bool likes = rng.uniform() < ((genre + kGenres - u % kGenres) % kGenres <= 1 ? 0.9 : 0.1);
          of_user[u].push_back({u, item, kT + day * kDayMs + u * std::int64_t{60'000} + k * std::int64_t{1000}, likes, false});
        }
    events_.types = {"rating"};
    for (std::uint32_t i = 0; i < kItems; ++i) log_.item_ids.push_back(recommend::test_item_id(i / kPerGenre, i % kPerGenre));
    events_.item_ids = log_.item_ids;
    for (std::uint32_t u = 0; u < kUsers; ++u) {
      events_.user_ids.push_back("u" + std::to_string(u));
      for (const Outcome& o : of_user[u]) {
        events_.events.push_back({o.item, 0, o.positive ? 5.0 : 2.0, o.time_ms});
        log_.outcomes.push_back(o);
      }
      events_.offsets.push_back(events_.events.size());
    }
    log_.users = kUsers;
    std::ranges::stable_sort(log_.outcomes, {}, &Outcome::time_ms);
    release_.normalised = true;
    ASSERT_TRUE(recommend::write_test_release(home_.path(), release_, recommend::test_items(release_), recommend::test_events(release_, 40)).ok());
    say_held_out("time", kT + 5 * kDayMs, kT + 6 * kDayMs);
  }
  /// What the release says of its training.
  void say_held_out(const std::string& holdout, std::int64_t time_ms, std::int64_t test_ms) {
    auto manifest = artifact::verify_release(folder()).value();
    manifest.holdout = holdout;
    manifest.holdout_time_ms = time_ms;
    manifest.holdout_test_ms = test_ms;
    ASSERT_TRUE(artifact::seal_release(folder(), manifest).ok());
  }
  std::string folder() const { return home_.path() + "/models/r1"; }
  std::unique_ptr<recommend::UserModel> model() { return recommend::UserModel::load(folder()).value(); }
  static DownstreamOptions options() {
    DownstreamOptions how;
    how.seeds = {1, 2};
    how.resamples = 200;
    how.model.history = 0;  // the click model sees no history of its own
    how.model.dim = 4;
    how.model.hidden = {16};
    how.refresh_days = {1, 7};
    how.table_rows = 1;       // … and knows no item but by its vector
    how.passes = 4;
    how.model.batch = 16;
    return how;
  }

  recommend::TestFolder home_;
  recommend::TestReleaseOptions release_;
  OutcomeLog log_;
  EventLog events_;
  Executor executor_{2};
};

TEST_F(DownstreamTest, InlineReadsUpToTheMomentAndPushedUpToTheLatestPush) {
  const auto r1 = model();
  const auto history = [&](std::uint32_t user, std::int64_t until) {
    std::vector<recommend::HistoryEvent> out;
    for (const auto& e : events_.of(user))
      if (e.time_ms < until) out.push_back({catalog::ItemId{e.item}, "rating", e.value, e.time_ms});
    return r1->user_vector(out).value();
  };
  for (const std::size_t days : {0U, 1U, 7U}) {
    const auto vectors = user_vectors_at(*r1, events_, log_.outcomes, days, executor_).value();
    for (std::size_t i = 0; i < log_.outcomes.size(); i += 37) {
      const auto& o = log_.outcomes[i];
      const std::int64_t every = static_cast<std::int64_t>(days) * kDayMs;
      const std::int64_t until = days == 0 ? o.time_ms : kT + (o.time_ms - kT) / every * every;
      const auto wanted = history(o.user, until);
      EXPECT_EQ(vectors.age_days[i] >= 0, !wanted.empty()) << i;
      if (wanted.empty()) continue;
      EXPECT_NEAR(vectors.age_days[i], static_cast<double>(o.time_ms - until) / kDayMs, 1e-4);
      for (std::size_t j = 0; j < wanted.size(); ++j) EXPECT_NEAR(vectors.rows(i, j), wanted[j], 1e-5);
    }
  }
}

TEST_F(DownstreamTest, AUserModelThatKnowsTheTasteHelpsAndATurnOfItsSpaceHurtsUntilItIsAligned) {
  const auto r1 = model();
  auto turned = model();
  recommend::Alignment turn{.rotation = Matrix<double>(r1->dim(), r1->dim())};
  for (std::size_t j = 0; j < r1->dim(); ++j) turn.rotation(j, j < kGenres ? (j + 2) % kGenres : j) = 1;  // every genre takes the place of one that its people dislike
  turned->align(turn, executor_);
  const auto found = measure_downstream(log_, events_,
                                        {.release = {"r1", r1.get()}, .finetuned = {}, .retrained = {{"r2", turned.get()}}}, options(), executor_).value();
  ASSERT_EQ(found.variants.size(), 4u);
  EXPECT_EQ(found.variants[1].name, "pushed every 7 days");
  EXPECT_EQ(found.variants[3].name, "inline");
  EXPECT_GT(found.variants[3].against_none[0].low, 0);
  EXPECT_GT(found.variants[2].against_none[0].low, 0);
  EXPECT_EQ(found.outcomes[1] + found.outcomes[2], found.outcomes[0]);
  ASSERT_EQ(found.retrained.size(), 2u);
  for (const auto& row : found.retrained) {
    EXPECT_NEAR(row.cosine, 1, 1e-4) << row.way;
    EXPECT_NEAR(row.aligned.value, row.before.value, 1e-3) << row.way;
    EXPECT_LT(row.raw_change.high, 0) << row.way;
    EXPECT_GT(row.aligned_gain.low, 0) << row.way;
  }
  EXPECT_THAT(to_text(found), HasSubstr("pushed every day"));
  EXPECT_THAT(to_json(found), HasSubstr("\"aligned_gain\""));
}

TEST_F(DownstreamTest, AReleaseThatSawJudgedDaysIsRefused) {
  const auto refusal = [&] {
    const auto r1 = model();
    const auto found = measure_downstream(log_, events_, {.release = {"r1", r1.get()}, .finetuned = {}, .retrained = {}}, options(), executor_);
    return found.ok() ? std::string("accepted") : found.error().message;
  };
  say_held_out("last-out", 0, 0);
  EXPECT_THAT(refusal(), HasSubstr("--holdout time"));
  say_held_out("time", kT + 5 * kDayMs, kT + 18 * kDayMs);  // the early stop looked at judged days
  EXPECT_THAT(refusal(), HasSubstr("the first judged day is 2020-09-28"));
}

TEST_F(DownstreamTest, OptionsThatMakeNoSenseAreNamed) {
  const auto r1 = model();
  const auto message = [&](const DownstreamOptions& how) {
    return measure_downstream(log_, events_, {.release = {"r1", r1.get()}, .finetuned = {}, .retrained = {}}, how, executor_).error().message;
  };
  auto how = options();
  how.refresh_days = {0};
  EXPECT_THAT(message(how), HasSubstr("every 1 to 365 days"));
  how = options();
  how.seeds.clear();
  EXPECT_THAT(message(how), HasSubstr("seed"));
}

TEST_F(DownstreamTest, FineTuningReadsNothingOfWhatComesAfterItsOutcomes) {
  const auto r1 = model();
  PeriodOptions cut{.judged = JudgedPart::validation, .validation_from = 0.5, .test_from = 0.6};
  const auto periods = cut_periods(log_.outcomes, cut).value();
  const auto data = finetune_data(periods, events_, *r1);
  EXPECT_LE(data.until_ms, periods.starts_ms.back() + kDayMs);
  EXPECT_EQ(data.offsets.size(), kUsers + 1);
  std::size_t valid = 0;
  for (const auto& o : data.outcomes) {
    EXPECT_GE(o.read, 1u);
    EXPECT_LE(o.read, data.offsets[o.user + 1] - data.offsets[o.user]);
    valid += o.valid;
  }
  EXPECT_EQ(valid, periods.outcomes.size() - periods.begins[periods.first_judged]);
  EXPECT_EQ(data.outcomes.size(), periods.outcomes.size() - kUsers) << "the first of everybody has no history";
}

}  // namespace
}  // namespace penchant::evaluate
