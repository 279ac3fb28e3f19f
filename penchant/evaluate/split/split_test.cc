#include "penchant/evaluate/split/split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "penchant/base/rng.h"
#include "penchant/evaluate/test_logs.h"

namespace penchant::evaluate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int64_t kNow = 1'700'000'000'000;

std::vector<std::uint32_t> items_of(std::span<const Interaction> events) {
  std::vector<std::uint32_t> out;
  for (const auto& event : events) out.push_back(event.item);
  return out;
}

EventLog random_log(std::uint64_t seed, std::int64_t moments) {
  Rng rng(seed);
  std::vector<std::vector<Step>> users(20);
  for (auto& user : users) {
    const std::size_t n = rng.below(9);
    for (std::size_t i = 0; i < n; ++i)
      user.push_back({static_cast<std::uint32_t>(rng.below(12)),
                      kNow + static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(moments)))});
    std::ranges::stable_sort(user, {}, &Step::time_ms);
  }
  return log_of(users, 12);
}

TEST(LastOut, TestIsLastValidationIsSecondLastTrainingTheRest) {
  const auto split = Split::make(log_of({{{0, 1}, {1, 2}, {2, 3}, {3, 4}}, {{4, 1}, {5, 2}}}, 6), {}).value();
  ASSERT_EQ(split.cases(Stage::test).size(), 1u);  // two events are too few to hold out two
  const Case& test = split.cases(Stage::test)[0];
  EXPECT_EQ(test.target, 3u);
  EXPECT_THAT(items_of(split.history(test)), ElementsAre(0, 1, 2));  // the validation event included
  const Case& validation = split.cases(Stage::validation)[0];
  EXPECT_EQ(validation.target, 2u);
  EXPECT_THAT(items_of(split.history(validation)), ElementsAre(0, 1));
  const auto training = split.training();
  EXPECT_THAT(items_of(training.users[0]), ElementsAre(0, 1));
  EXPECT_THAT(items_of(training.users[1]), ElementsAre(4, 5));
  EXPECT_THAT(training.item_counts(), ElementsAre(1, 1, 0, 0, 1, 1));
}

TEST(Given, TheTypeOfAnEventNamesItsPart) {
  EventLog log = log_of({{{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 6}}, {{1, 1}, {2, 2}}, {{3, 1}}}, 6);
  log.types = {"train", "valid", "test"};
  const std::vector<std::uint16_t> parts{2, 0, 1, 0, 2, 2, 0, 1, 2};
  for (std::size_t i = 0; i < parts.size(); ++i) log.events[i].type = parts[i];
  const auto split = Split::make(log, {.kind = Kind::given}).value();
  EXPECT_THAT(items_of(split.training().users[0]), ElementsAre(1, 3));
  ASSERT_EQ(split.cases(Stage::test).size(), 3u);
  for (const Case& c : split.cases(Stage::test)) {
    EXPECT_THAT(items_of(split.history(c)), ElementsAre(1, 3));  // training alone, whatever lies between
    EXPECT_EQ(c.together, 3u);
  }
  ASSERT_EQ(split.cases(Stage::validation).size(), 2u);
  EXPECT_EQ(split.cases(Stage::validation)[0].target, 2u);
  EXPECT_EQ(split.cases(Stage::validation)[0].together, 1u);
  EXPECT_EQ(split.users_without_history(), 1u);  // the third user has a test event and nothing before it

  log.types[1] = "view";
  EXPECT_THAT(Split::make(log, {.kind = Kind::given}).error().message, HasSubstr("\"view\" is none of train, valid, test"));
  log.types = {"test", "valid", "test"};
  EXPECT_THAT(Split::make(log, {.kind = Kind::given}).error().message, HasSubstr("nothing to train on"));
}

TEST(LastOut, SaysWhatIsMissing) {
  const auto none = Split::make(log_of({{{0, 1}, {1, 2}}}, 2), {});
  ASSERT_FALSE(none.ok());
  EXPECT_THAT(none.error().message, HasSubstr("three or more events"));
  const auto empty = Split::make(log_of({}, 0), {});
  ASSERT_FALSE(empty.ok());
  EXPECT_THAT(empty.error().message, HasSubstr("penchant import"));
}

TEST(TimeCut, AsksForTheFirstEventAtOrAfterTheCut) {
  Protocol protocol{.kind = Kind::time, .validation_ms = kNow + 20, .test_ms = kNow + 30};
  const auto split = Split::make(log_of({{{0, kNow}, {1, kNow + 20}, {2, kNow + 30}, {3, kNow + 40}},
                                         {{4, kNow + 35}},
                                         {{5, kNow + 10}, {6, kNow + 29}}},
                                        7),
                                 protocol)
                         .value();
  ASSERT_EQ(split.cases(Stage::test).size(), 1u);
  EXPECT_EQ(split.cases(Stage::test)[0].target, 2u);
  EXPECT_THAT(items_of(split.history(split.cases(Stage::test)[0])), ElementsAre(0, 1));
  ASSERT_EQ(split.cases(Stage::validation).size(), 2u);
  EXPECT_EQ(split.cases(Stage::validation)[0].target, 1u);
  EXPECT_EQ(split.cases(Stage::validation)[1].target, 6u);
  EXPECT_THAT(split.training().item_counts(), ElementsAre(1, 0, 0, 0, 0, 1, 0));  // older than t0
  EXPECT_EQ(split.users_without_history(), 1u);
}

TEST(TimeCut, EventsOfTheSameMomentNeverHelpToGuessEachOther) {
  Protocol protocol{
      .kind = Kind::time, .targets = Targets::all, .validation_ms = kNow + 5, .test_ms = kNow + 10};
  const auto split =
      Split::make(log_of({{{0, kNow}, {1, kNow + 10}, {2, kNow + 10}, {3, kNow + 12}}}, 4), protocol).value();
  const auto cases = split.cases(Stage::test);
  ASSERT_EQ(cases.size(), 3u);
  EXPECT_THAT(items_of(split.history(cases[0])), ElementsAre(0));
  EXPECT_THAT(items_of(split.history(cases[1])), ElementsAre(0));  // not item 1 of the same moment
  EXPECT_THAT(items_of(split.history(cases[2])), ElementsAre(0, 1, 2));
}

TEST(TimeCut, QuantilesNeverDivideEventsOfOneMoment) {
  std::vector<std::vector<Step>> users(4);
  for (std::uint32_t u = 0; u < 4; ++u)
    for (std::uint32_t i = 0; i < 25; ++i) users[u].push_back({i % 5, kNow + i / 5});
  const auto split = Split::make(log_of(users, 5), {.kind = Kind::time}).value();
  EXPECT_EQ(*split.protocol().validation_ms, kNow + 4);  // 80 % of the events are older than it
  EXPECT_EQ(split.training().events(), 80u);
}

TEST(TimeCut, RefusesPositionsAndCutsThatLeaveNothing) {
  const auto positions = Split::make(log_of({{{0, 0}, {1, 1}, {2, 2}}}, 3), {.kind = Kind::time});
  ASSERT_FALSE(positions.ok());
  EXPECT_THAT(positions.error().message, HasSubstr("positions, not times"));
  const EventLog log = log_of({{{0, kNow}, {1, kNow + 1}, {2, kNow + 2}}}, 3);
  const auto wrong_order =
      Split::make(log, {.kind = Kind::time, .validation_ms = kNow + 2, .test_ms = kNow + 1});
  EXPECT_THAT(wrong_order.error().message, HasSubstr("after the test cut"));
  const auto too_early = Split::make(log, {.kind = Kind::time, .validation_ms = kNow, .test_ms = kNow + 1});
  EXPECT_THAT(too_early.error().message, HasSubstr("nothing to train on"));
  const auto too_late =
      Split::make(log, {.kind = Kind::time, .validation_ms = kNow + 1, .test_ms = kNow + 9});
  EXPECT_THAT(too_late.error().message, HasSubstr("earlier cut"));
}

TEST(ShuffleTies, PermutesOnlyInsideOneMomentOfOneUser) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const EventLog given = random_log(seed, 3);
    EventLog shuffled = given;
    shuffle_ties(shuffled, seed);
    ASSERT_EQ(shuffled.offsets, given.offsets);
    for (std::size_t u = 0; u < given.users(); ++u) {
      std::multiset<std::pair<std::int64_t, std::uint32_t>> before, after;
      for (std::size_t i = 0; i < given.of(u).size(); ++i) {
        EXPECT_EQ(shuffled.of(u)[i].time_ms, given.of(u)[i].time_ms);
        before.insert({given.of(u)[i].time_ms, given.of(u)[i].item});
        after.insert({shuffled.of(u)[i].time_ms, shuffled.of(u)[i].item});
      }
      EXPECT_EQ(before, after);
    }
  }
}

TEST(ShuffleTies, SameSeedSameOrderOtherSeedAnother) {
  EventLog a = random_log(1, 2), b = a, c = a;
  shuffle_ties(a, 7);
  shuffle_ties(b, 7);
  shuffle_ties(c, 8);
  EXPECT_EQ(items_of(a.events), items_of(b.events));
  EXPECT_NE(items_of(a.events), items_of(c.events));
}

TEST(Split, NeverTrainsOnWhatItAsks) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    for (const Kind kind : {Kind::last_out, Kind::time}) {
      for (const Ties ties : {Ties::given, Ties::shuffled}) {
        const Protocol protocol{.kind = kind, .ties = ties, .seed = seed, .targets = Targets::all};
        const auto made = Split::make(random_log(seed, 40), protocol);
        if (!made.ok()) continue;  // a random log may leave nothing to ask
        const Split& split = *made;
        const auto training = split.training();
        for (const Stage stage : {Stage::validation, Stage::test}) {
          for (const Case& c : split.cases(stage)) {
            const auto history = split.history(c);
            ASSERT_FALSE(history.empty());
            // The training part is a prefix of every history, so no target is inside it.
            ASSERT_LE(training.users[c.user].size(), history.size());
            if (kind == Kind::time) {
              ASSERT_LT(history.back().time_ms, c.at_ms);
              for (const auto& event : training.users[c.user])
                ASSERT_LT(event.time_ms, *split.protocol().validation_ms);
            }
          }
        }
      }
    }
  }
}

TEST(Repeats, CountEventsOfKnownItemsAndDecideTheDefault) {
  const EventLog log = log_of({{{0, 1}, {0, 2}, {1, 3}, {0, 4}}, {{2, 1}}}, 3);
  const std::vector<std::span<const Interaction>> users{log.of(0), log.of(1)};
  const Repeats repeats = count_repeats(users);
  EXPECT_EQ(repeats.events, 3u);
  EXPECT_EQ(repeats.repeated, 2u);
  EXPECT_FALSE(repeats.remove_seen());
  EXPECT_TRUE(Repeats{}.remove_seen());
}

TEST(Words, ParseAndNameProtocols) {
  EXPECT_EQ(parse_kind("time").value(), Kind::time);
  EXPECT_EQ(name_of(parse_kind("last-out").value()), "last-out");
  EXPECT_THAT(parse_kind("random").error().message, HasSubstr("last-out, time, cold, windows or given"));
  EXPECT_EQ(parse_kind("cold").value(), Kind::cold);
  EXPECT_EQ(name_of(parse_kind("windows").value()), "windows");
}

}  // namespace
}  // namespace penchant::evaluate
