#include "penchant/evaluate/clicks/outcomes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include "penchant/base/rng.h"
#include "penchant/evaluate/clicks/examples.h"
#include "penchant/evaluate/split/split.h"

namespace penchant::evaluate {
namespace {

using ::testing::HasSubstr;

TEST(OutcomeRule, IsATypeOrComparesItsValue) {
  const auto rule = [](std::string_view text) { return parse_outcome_rule(text).value(); };
  EXPECT_EQ(rule("click").type, "click");
  EXPECT_TRUE(rule("click").matches(NAN));
  EXPECT_TRUE(rule("rating>=4").matches(4));
  EXPECT_FALSE(rule("rating>=4").matches(3.9));
  EXPECT_FALSE(rule("rating>=4").matches(NAN));
  EXPECT_TRUE(rule("rating > 4").matches(4.5));
  EXPECT_FALSE(rule("rating>4").matches(4));
  EXPECT_TRUE(rule("seconds<30").matches(2));
  EXPECT_TRUE(rule("seconds<=30").matches(30));
  EXPECT_TRUE(rule("stars=5").matches(5));
  for (const auto* wrong : {"", ">=4", "rating>=", "rating>=four", "rating>=4x", "rating>=nan"})
    EXPECT_THAT(parse_outcome_rule(wrong).error().message, HasSubstr("rating>=4")) << wrong;
}

/// A store with events of some users, in a folder of its own.
class Stored {
 public:
  Stored() : folder_(std::filesystem::temp_directory_path() / ("penchant-outcomes-" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder_);
    store_ = store::open_store(folder_.string()).value();
    std::vector<catalog::Item> items(6);
    for (std::size_t i = 0; i < items.size(); ++i) items[i].id = "i" + std::to_string(i);
    EXPECT_TRUE(store_->put_items(items).ok());
  }
  ~Stored() {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  void add(const std::string& user, int item, const std::string& type, double value, std::int64_t time_ms) {
    catalog::Event event;
    event.user = user;
    event.item = "i" + std::to_string(item);
    event.type = type;
    if (!std::isnan(value)) event.value = value;
    event.time_ms = time_ms;
    EXPECT_TRUE(store_->append_events(std::span(&event, 1), {}).ok());
  }
  store::Store& store() { return *store_; }

 private:
  std::filesystem::path folder_;
  std::unique_ptr<store::Store> store_;
};

constexpr std::int64_t kT = 1'600'041'600'000;  // midnight UTC

std::vector<OutcomeRule> rules(std::initializer_list<const char*> texts) {
  std::vector<OutcomeRule> out;
  for (const auto* text : texts) out.push_back(parse_outcome_rule(text).value());
  return out;
}

TEST(Outcomes, ARatingBelowTheBarIsANegativeAndAnImpressionThatWasClickedIsNot) {
  Stored s;
  s.add("a", 0, "rating", 5, kT + 2);
  s.add("a", 1, "rating", 2, kT + 1);
  s.add("b", 2, "impression", NAN, kT + 3);
  s.add("b", 3, "impression", NAN, kT + 4);
  s.add("b", 3, "click", NAN, kT + 5);
  s.add("b", 3, "impression", NAN, kT + 2 * kDayMs);
  const auto rated = load_outcomes(s.store(), {.positive = rules({"rating>=4"})}).value().outcomes;
  ASSERT_EQ(rated.size(), 2u);
  EXPECT_EQ(rated[0].item, 1u) << "in order of time";
  EXPECT_FALSE(rated[0].positive);
  EXPECT_TRUE(rated[1].positive);
  const auto clicked = load_outcomes(s.store(), {.positive = rules({"click"}), .negative = rules({"impression"})}).value().outcomes;
  ASSERT_EQ(clicked.size(), 3u);
  EXPECT_EQ(std::ranges::count(clicked, true, &Outcome::positive), 1);
  EXPECT_EQ(std::ranges::count_if(clicked, [](const Outcome& o) { return o.item == 3 && !o.positive; }), 1) << "the one two days later";
  const auto all = load_outcomes(s.store(), {}).value().outcomes;
  EXPECT_TRUE(std::ranges::all_of(all, &Outcome::positive));
  EXPECT_EQ(all.size(), 3u) << "impressions have weight 0";
}

TEST(Outcomes, SayWhatIsNotThere) {
  Stored s;
  s.add("a", 0, "rating", 2, kT);
  EXPECT_THAT(load_outcomes(s.store(), {.positive = rules({"stars>=4"})}).error().message, HasSubstr("there are: rating"));
  EXPECT_THAT(load_outcomes(s.store(), {.positive = rules({"rating>=4"})}).error().message, HasSubstr("--positive"));
}

/// `per_day` positives on each of `days` days; item i appears on day i / 3 first.
std::vector<Outcome> days(std::size_t count, std::size_t per_day) {
  Rng rng(1);
  std::vector<Outcome> out;
  for (std::size_t day = 0; day < count; ++day)
    for (std::size_t n = 0; n < per_day; ++n) {
      const auto item = static_cast<std::uint32_t>(n < 3 ? 3 * day + n : rng.below(3 * day + 3));
      out.push_back({static_cast<std::uint32_t>(rng.below(8)), item, kT + static_cast<std::int64_t>(day) * kDayMs + static_cast<std::int64_t>(n), true, false});
    }
  return out;
}

TEST(Periods, ValidationEndsWhereTheTestBegins) {
  const auto outcomes = days(20, 10);
  const auto test = cut_periods(outcomes, {}).value();
  EXPECT_EQ(test.size(), 20u);
  EXPECT_EQ(test.first_judged, 8u);
  EXPECT_EQ(test.training().size(), 80u);
  const auto validation = cut_periods(outcomes, {.judged = JudgedPart::validation}).value();
  EXPECT_EQ(validation.size(), 8u);
  EXPECT_EQ(validation.first_judged, 4u);
  EXPECT_EQ(validation.outcomes.size(), 80u) << "nothing of the test is in it";
  const auto weeks = cut_periods(outcomes, {.length = PeriodLength::week}).value();
  EXPECT_EQ(weeks.size(), 3u);
  EXPECT_EQ(weeks.starts_ms[1], kT + 7 * kDayMs);
  EXPECT_FALSE(cut_periods(std::span(outcomes).first(10), {}).ok()) << "one day";
  EXPECT_FALSE(cut_periods(outcomes, {.validation_from = 0.5, .test_from = 0.4}).ok());
}

TEST(Periods, ADrawnNegativeIsAsNewAsItsPositiveAndNothingTheUserTakes) {
  auto periods = cut_periods(days(20, 10), {}).value();
  sample_negatives(periods, 60, 2, 5);
  std::size_t drawn = 0;
  for (std::size_t p = 0; p < periods.size(); ++p) {
    std::set<std::pair<std::uint32_t, std::uint32_t>> taken;
    bool is_new = false;
    for (std::size_t i = periods.begins[p]; i < periods.begins[p + 1]; ++i)
      if (periods.outcomes[i].positive) taken.emplace(periods.outcomes[i].user, periods.outcomes[i].item);
    for (std::size_t i = periods.begins[p]; i < periods.begins[p + 1]; ++i) {
      const Outcome& o = periods.outcomes[i];
      if (!o.sampled) {
        is_new = o.item / 3 == p;
        continue;
      }
      ++drawn;
      EXPECT_FALSE(o.positive);
      EXPECT_EQ(o.item / 3 == p, is_new);
      EXPECT_LE(o.item / 3, p) << "not in the catalogue yet";
      EXPECT_FALSE(taken.contains({o.user, o.item}));
    }
  }
  EXPECT_GT(drawn, 300u);
  const auto counts = counts_before(periods, 60);
  for (std::size_t p = 0; p < periods.size(); ++p)
    for (std::size_t i = periods.begins[p]; i < periods.begins[p + 1]; ++i)
      EXPECT_EQ(counts[i] == 0, periods.outcomes[i].item / 3 == p);
}

TEST(ClickData, AHistoryIsStrictlyOlderAndHoldsNothingThatWasDrawn) {
  auto periods = cut_periods(days(20, 10), {}).value();
  for (std::size_t i = 0; i < periods.outcomes.size(); ++i) {
    periods.outcomes[i].positive = i % 3 != 0;
    periods.outcomes[i].time_ms -= periods.outcomes[i].time_ms % 3;  // some at the same time
  }
  for (std::size_t i = 5; i < periods.outcomes.size(); i += 11) periods.outcomes[i].sampled = true, periods.outcomes[i].positive = false;
  const auto data = click_data(periods, 8);
  for (std::size_t i = 0; i < data.size(); ++i) {
    std::multiset<std::uint32_t> liked, disliked;
    for (std::size_t j = 0; j < i; ++j) {
      const Outcome& o = periods.outcomes[j];
      if (o.user == periods.outcomes[i].user && o.time_ms < periods.outcomes[i].time_ms && !o.sampled) (o.positive ? liked : disliked).insert(o.item);
    }
    const auto run = [](const std::vector<std::uint32_t>& items, learn::ItemRun r) {
      return std::multiset<std::uint32_t>(items.begin() + r.first, items.begin() + r.last);
    };
    ASSERT_EQ(run(data.liked_items, data.liked[i]), liked);
    ASSERT_EQ(run(data.disliked_items, data.disliked[i]), disliked);
    for (const float value : data.context.row(i)) EXPECT_LE(std::abs(value), 2.0F);
  }
}

}  // namespace
}  // namespace penchant::evaluate
