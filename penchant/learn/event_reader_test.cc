#include "penchant/learn/event_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>

namespace penchant::learn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t kDay = 86'400'000, kStart = 1'600'000'000'000;

/// Users with the given numbers of events; item = event number, one event a day for all users.
EventTable table_of(const std::vector<std::size_t>& lengths) {
  EventTable t;
  for (const std::size_t n : lengths) {
    for (std::size_t e = 0; e < n; ++e)
      t.events.push_back({static_cast<std::uint32_t>(t.events.size()), 0, double(e % 5 + 1),
                          kStart + static_cast<std::int64_t>(e) * kDay});
    t.offsets.push_back(t.events.size());
  }
  return t;
}

TEST(HoldOut, LastOutKeepsTheLastTwoEventsFromTraining) {
  const EventTable t = table_of({5, 2, 3});
  const auto cut = hold_out(t, {.holdout = Holdout::last_out});
  ASSERT_TRUE(cut.ok());
  EXPECT_THAT(cut->training_end, ElementsAre(3, 7, 8));  // the user with two events is training only
  EXPECT_THAT(cut->validation_events, ElementsAre(3, 8));
}

TEST(ActionStrengths, AreTheWeightOfTheTypeTimesTheRelativeValue) {
  EventTable t;
  for (const double stars : {1.0, 3.0, 5.0}) t.events.push_back({0, 0, stars, kStart});
  for (const double rest : {-1.0, 1.0}) t.events.push_back({0, 1, rest, kStart});
  t.events.push_back({0, 2, kNone, kStart});
  for (int k = 0; k < 99; ++k) t.events.push_back({0, 3, k == 0 ? 1000.0 : 1.0, kStart});
  t.offsets.push_back(t.events.size());
  const std::vector<store::EventType> types{{"rating", 2}, {"change", 1}, {"view", 0.5}, {"seconds", 1}};
  const Cut cut{.training_end = {t.events.size()}, .validation_events = {}, .held_out = {}};
  const auto actions = make_actions(t, cut, types);
  const auto strengths = action_strengths(t, cut, types, actions);
  ASSERT_EQ(strengths.size(), actions.size());
  const auto of = [&](const std::string& type, double value) { return strengths[action_of(actions, type, value)]; };
  EXPECT_FLOAT_EQ(of("rating", 1), 2.0f / 3);
  EXPECT_FLOAT_EQ(of("rating", 5), 10.0f / 3);
  EXPECT_FLOAT_EQ(of("change", 1), 1) << "a type with a value below zero says only that it happened";
  EXPECT_FLOAT_EQ(of("view", kNone), 0.5f);
  EXPECT_FLOAT_EQ(of("seconds", 1000), 4) << "one huge value counts for four";
  EXPECT_FLOAT_EQ(of("seconds", 1), 0.25f);
  EXPECT_FLOAT_EQ(strengths[0], 1);
}

TEST(HoldOut, TimeCutsEveryUserAtOneMoment) {
  const EventTable t = table_of({10, 10});
  const auto cut = hold_out(t, {.holdout = Holdout::time, .validation_quantile = 0.8});
  ASSERT_TRUE(cut.ok());
  EXPECT_EQ(cut->time_ms, kStart + 8 * kDay);
  EXPECT_THAT(cut->training_end, ElementsAre(8, 18));
  EXPECT_THAT(cut->validation_events, ElementsAre(8, 18));
}

TEST(HoldOut, TimeIsRefusedWhereEventsCarryPositions) {
  EventTable t = table_of({5});
  t.has_clock = false;
  EXPECT_THAT(hold_out(t, {.holdout = Holdout::time}).error().message, HasSubstr("--holdout last-out"));
}

TEST(HoldOut, ColdItemsMayBeTheNewest) {
  EventTable t = table_of({5, 2, 3});  // the last items of the longest history appear last
  const std::vector<std::string> ids{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "never seen"};
  const auto cut = hold_out(t, {.holdout = Holdout::cold, .cold_share = 0.2, .cold_by = {catalog::ColdBy::Kind::first_seen, ""}}, ids);
  ASSERT_TRUE(cut.ok()) << cut.error().message;
  EXPECT_THAT(cut->held_out, ElementsAre(0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0));
  t.has_clock = false;
  EXPECT_THAT(hold_out(t, {.holdout = Holdout::cold, .cold_by = {catalog::ColdBy::Kind::first_seen, ""}}, ids).error().message,
              HasSubstr("--cold-by random"));
  t.cold_keys = {2, 9, 1, 1, 9, 3, 3, 3, 3, 3, catalog::kNoColdKey};  // years need no clock
  const auto by_year = hold_out(t, {.holdout = Holdout::cold, .cold_share = 0.2, .cold_by = {catalog::ColdBy::Kind::attribute, "year"}}, ids);
  ASSERT_TRUE(by_year.ok()) << by_year.error().message;
  EXPECT_THAT(by_year->held_out, ElementsAre(0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0));
}

TEST(HoldOut, NoneLeavesOutTheLastEventOfFewUsers) {
  const EventTable t = table_of(std::vector<std::size_t>(100, 4));
  const auto cut = hold_out(t, {.holdout = Holdout::none, .seed = 3});
  ASSERT_TRUE(cut.ok());
  EXPECT_EQ(cut->validation_events.size(), 11u);
  std::size_t left_out = 0;
  for (std::size_t u = 0; u < t.users(); ++u) left_out += t.offsets[u + 1] - cut->training_end[u];
  EXPECT_EQ(left_out, 11u);
}

TEST(HoldOut, SaysWhenNothingIsLeft) {
  EXPECT_THAT(hold_out(EventTable{}, {}).error().message, HasSubstr("no events"));
  EXPECT_THAT(hold_out(table_of({1, 1, 3}), {}).error().message, HasSubstr("more events"));
}

TEST(Actions, GiveEachOfFewValuesItsOwnRowAndRangesToMany) {
  EventTable t = table_of({20});
  Cut cut;
  cut.training_end = {20};
  const std::vector<store::EventType> types{{"rating", 1}};
  const auto rows = make_actions(t, cut, types);
  ASSERT_EQ(rows.size(), 2u + 5u);
  EXPECT_EQ(rows[0].type, "unknown");
  EXPECT_FALSE(rows[1].has_value);
  std::vector<std::uint16_t> found;
  for (const double v : {1.0, 2.0, 3.0, 4.0, 5.0}) found.push_back(action_of(rows, "rating", v));
  EXPECT_THAT(found, ElementsAre(2, 3, 4, 5, 6));
  EXPECT_EQ(action_of(rows, "rating", -100), 2);
  EXPECT_EQ(action_of(rows, "rating", 1e300), 6);
  EXPECT_EQ(action_of(rows, "rating", kNone), 1);
  EXPECT_EQ(action_of(rows, "never seen", 3), 0);
  for (std::size_t e = 0; e < t.events.size(); ++e) t.events[e].value = double(e) * 1.5;
  EXPECT_EQ(make_actions(t, cut, types).size(), 2u + 8u);
  for (auto& e : t.events) e.value = kNone;
  EXPECT_EQ(make_actions(t, cut, types).size(), 2u);
}

TEST(FillHistories, KeepHeldOutEventsOutOfEverything) {
  const EventTable t = table_of({5, 2, 3});
  const auto cut = hold_out(t, {.holdout = Holdout::last_out});
  TrainingData d;
  d.items = 10;
  fill_histories(t, *cut, {{"rating", 1}}, d);
  EXPECT_THAT(d.train.items, ElementsAre(0, 1, 2, 5, 6, 7));
  EXPECT_THAT(d.train.offsets, ElementsAre(0, 3, 5, 6));
  EXPECT_THAT(d.train_count, ElementsAre(1, 1, 1, 0, 0, 1, 1, 1, 0, 0));
  ASSERT_EQ(d.validation.size(), 2u);
  EXPECT_EQ(d.validation[0].target, 3u);
  EXPECT_EQ(d.validation[1].user, 2u);
  EXPECT_TRUE(d.removes_seen);
}

TEST(ReadEvents, LeavesOutTypesThatAreNotLearnedFrom) {
  const auto home = std::filesystem::temp_directory_path() / ("penchant-learn-events-" + std::to_string(::getpid()));
  std::filesystem::remove_all(home);
  {
    auto store = store::open_store(home.string());
    ASSERT_TRUE(store.ok()) << store.error().message;
    const std::vector<catalog::Item> items{{.id = "a"}, {.id = "b"}};
    ASSERT_TRUE((*store)->put_items(items).ok());
    ASSERT_TRUE((*store)->put_event_type({"hide", -1}).ok());
    std::vector<catalog::Event> events;
    for (const auto& [user, item, type] : std::vector<std::array<std::string, 3>>{
             {"u", "a", "view"}, {"u", "b", "hide"}, {"v", "b", "view"}, {"u", "b", "view"}}) {
      catalog::Event e;
      e.user = user, e.item = item, e.type = type, e.time_ms = kStart + static_cast<std::int64_t>(events.size());
      events.push_back(e);
    }
    ASSERT_TRUE((*store)->append_events(events, {}).ok());
    const auto table = read_events(**store, 2);
    ASSERT_TRUE(table.ok()) << table.error().message;
    EXPECT_THAT(table->offsets, ElementsAre(0, 2, 3));
    EXPECT_EQ(table->events[1].item, 1u);
    EXPECT_EQ(read_events(**store, 1).error().code, ErrorCode::corrupt);
  }
  std::filesystem::remove_all(home);
}

}  // namespace
}  // namespace penchant::learn
