#include "penchant/evaluate/controls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "penchant/base/rng.h"
#include "penchant/evaluate/test_logs.h"

namespace penchant::evaluate {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kNow = 1'700'000'000'000;

EventLog random_log(std::uint64_t seed, std::size_t people) {
  Rng rng(seed);
  std::vector<std::vector<Step>> users(people);
  for (auto& user : users) {
    const std::size_t n = 3 + rng.below(30);
    for (std::size_t i = 0; i < n; ++i)
      user.push_back({static_cast<std::uint32_t>(rng.below(40)), kNow + static_cast<std::int64_t>(i)});
  }
  return log_of(users, 40);
}

std::vector<std::uint32_t> items_of(std::span<const Interaction> events) {
  std::vector<std::uint32_t> out;
  for (const auto& event : events) out.push_back(event.item);
  return out;
}

TEST(Controls, ParseAndName) {
  for (const Control control :
       {Control::none, Control::shuffled_history, Control::truncated_history, Control::another_user, Control::shuffled_codes,
        Control::no_cold_lane})
    EXPECT_EQ(parse_control(name_of(control)).value(), control);
  EXPECT_THAT(parse_control("noise").error().message, HasSubstr("use shuffled-history, truncated-history, another-user"));
}

TEST(Controls, NoneAndShuffledCodesShowTheTrueHistory) {
  const auto split = Split::make(random_log(1, 9), {}).value();
  const auto cases = split.cases(Stage::test);
  for (const Control control : {Control::none, Control::shuffled_codes, Control::no_cold_lane}) {
    const ControlledHistories shown(split, cases, control, 3);
    for (std::size_t i = 0; i < cases.size(); ++i)
      EXPECT_EQ(shown.history(i).data(), split.history(cases[i]).data());
  }
}

TEST(Controls, ShuffledHistoryHoldsTheSameEventsAtTheSameMoments) {
  const auto split = Split::make(random_log(2, 50), {}).value();
  const auto cases = split.cases(Stage::test);
  const ControlledHistories shown(split, cases, Control::shuffled_history, 3);
  std::size_t moved = 0;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto given = split.history(cases[i]), now = shown.history(i);
    ASSERT_EQ(now.size(), given.size());
    auto a = items_of(given), b = items_of(now);
    moved += a != b ? 1 : 0;
    std::ranges::sort(a);
    std::ranges::sort(b);
    EXPECT_EQ(a, b);
    for (std::size_t k = 0; k < now.size(); ++k) EXPECT_EQ(now[k].time_ms, given[k].time_ms);
  }
  EXPECT_GT(moved, 40u);
}

TEST(Controls, TruncatedHistoryEndsLikeTheTrueOne) {
  const auto split = Split::make(random_log(4, 20), {}).value();
  const auto cases = split.cases(Stage::test);
  const ControlledHistories shown(split, cases, Control::truncated_history, 3);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto given = split.history(cases[i]), now = shown.history(i);
    EXPECT_EQ(now.size(), std::min(given.size(), kKeptEvents));
    EXPECT_EQ(items_of(now), items_of(given.last(now.size())));
  }
}

TEST(Controls, EveryOrderOfAHistoryIsAsLikely) {
  const auto split = Split::make(log_of({{{0, 1}, {1, 2}, {2, 3}, {3, 4}}}, 4), {}).value();
  const auto cases = split.cases(Stage::test);
  std::map<std::vector<std::uint32_t>, int> orders;
  for (std::uint64_t seed = 0; seed < 1200; ++seed)
    ++orders[items_of(ControlledHistories(split, cases, Control::shuffled_history, seed).history(0))];
  EXPECT_EQ(orders.size(), 6u);
  for (const auto& [order, count] : orders) EXPECT_NEAR(count, 200, 65);  // five standard deviations
}

TEST(Controls, AnotherUserIsNeverTheSameAndEveryoneIsShownOnce) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const auto split = Split::make(random_log(seed, 2 + seed % 7), {}).value();
    const auto cases = split.cases(Stage::test);
    ASSERT_TRUE(check_control(cases, Control::another_user).ok());
    const ControlledHistories shown(split, cases, Control::another_user, seed);
    std::set<const Interaction*> donors;
    for (std::size_t i = 0; i < cases.size(); ++i) {
      EXPECT_NE(shown.history(i).data(), split.history(cases[i]).data());
      donors.insert(shown.history(i).data());
    }
    EXPECT_EQ(donors.size(), cases.size());
  }
}

TEST(Controls, SeveralCasesOfAUserComeFromOneOtherUser) {
  const auto split = Split::make(random_log(4, 30), {.kind = Kind::time, .targets = Targets::all}).value();
  const auto cases = split.cases(Stage::test);
  const ControlledHistories shown(split, cases, Control::another_user, 5);
  std::map<std::uint32_t, std::set<const Interaction*>> donors;
  for (std::size_t i = 0; i < cases.size(); ++i) donors[cases[i].user].insert(shown.history(i).data());
  for (const auto& [user, first_events] : donors) EXPECT_EQ(first_events.size(), 1u) << user;
}

TEST(Controls, AreTheSameForASeedAndOthersForAnother) {
  const auto split = Split::make(random_log(6, 40), {}).value();
  const auto cases = split.cases(Stage::test);
  for (const Control control : {Control::shuffled_history, Control::another_user}) {
    const ControlledHistories a(split, cases, control, 1), b(split, cases, control, 1), c(split, cases, control, 2);
    bool differs = false;
    for (std::size_t i = 0; i < cases.size(); ++i) {
      EXPECT_EQ(items_of(a.history(i)), items_of(b.history(i)));
      differs |= items_of(a.history(i)) != items_of(c.history(i));
    }
    EXPECT_TRUE(differs);
  }
}

TEST(Controls, AnotherUserNeedsAnother) {
  const auto split = Split::make(log_of({{{0, 1}, {1, 2}, {2, 3}}, {{0, 1}}}, 3), {}).value();
  EXPECT_THAT(check_control(split.cases(Stage::test), Control::another_user).error().message,
              HasSubstr("at least two users"));
  EXPECT_TRUE(check_control(split.cases(Stage::test), Control::shuffled_history).ok());
}

}  // namespace
}  // namespace penchant::evaluate
