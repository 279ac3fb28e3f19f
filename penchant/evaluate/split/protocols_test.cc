// Cold items and windows, against a slow and obvious second implementation.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <set>

#include "penchant/base/rng.h"
#include "penchant/catalog/cold_items.h"
#include "penchant/evaluate/split/split.h"
#include "penchant/evaluate/test_logs.h"

namespace penchant::evaluate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int64_t kNow = 1'700'000'000'000, kHour = 3'600'000;

using Event = std::pair<std::int64_t, std::uint32_t>;  // time, item

/// What a protocol asks, spelled out.
struct Asked {
  std::uint32_t user, target;
  std::int64_t at_ms;
  std::uint8_t group;
  std::vector<Event> history;
  auto operator<=>(const Asked&) const = default;
};
struct Expected {
  std::vector<std::vector<Event>> training;
  std::vector<Asked> validation, test;
};

std::vector<Event> plain(std::span<const Interaction> events) {
  std::vector<Event> out;
  for (const auto& event : events) out.emplace_back(event.time_ms, event.item);
  return out;
}

std::vector<Asked> asked(const Split& split, Stage stage) {
  std::vector<Asked> out;
  for (const Case& c : split.cases(stage))
    out.push_back({c.user, c.target, c.at_ms, c.group, plain(split.history(c))});
  return out;
}

void expect_same(const Split& split, const Expected& expected, const std::string& what) {
  std::vector<std::vector<Event>> training;
  for (const auto sequence : split.training().users) training.push_back(plain(sequence));
  EXPECT_EQ(training, expected.training) << what;
  EXPECT_EQ(asked(split, Stage::validation), expected.validation) << what;
  EXPECT_EQ(asked(split, Stage::test), expected.test) << what;
  EXPECT_TRUE(split.check().ok()) << what;
}

/// Forty days of `people` people and 30 items, in steps of six hours.
EventLog random_log(std::uint64_t seed, std::size_t people = 25) {
  Rng rng(seed);
  std::vector<std::vector<Step>> users(people);
  for (auto& user : users) {
    const std::size_t n = rng.below(14);
    for (std::size_t i = 0; i < n; ++i)
      user.push_back({static_cast<std::uint32_t>(rng.below(30)), kNow + static_cast<std::int64_t>(rng.below(160)) * 6 * kHour});
    std::ranges::stable_sort(user, {}, &Step::time_ms);
  }
  return log_of(users, 30);
}

Expected slow_cold(const EventLog& log, const std::set<std::uint32_t>& cold) {
  Expected out;
  for (std::size_t u = 0; u < log.users(); ++u) {
    const auto all = plain(log.of(u));
    const auto without = [&](std::size_t end) {
      std::vector<Event> kept;
      for (std::size_t i = 0; i < end; ++i)
        if (!cold.contains(all[i].second)) kept.push_back(all[i]);
      return kept;
    };
    const bool asks = all.size() >= 3;
    out.training.push_back(without(asks ? all.size() - 2 : all.size()));
    if (!asks) continue;
    const auto ask = [&](std::size_t at, std::vector<Asked>& cases) {
      if (without(at).empty()) return;
      cases.push_back({static_cast<std::uint32_t>(u), all[at].second, all[at].first,
                       static_cast<std::uint8_t>(cold.contains(all[at].second) ? 0 : 1), without(at)});
    };
    ask(all.size() - 2, out.validation);
    ask(all.size() - 1, out.test);
  }
  return out;
}

Expected slow_windows(const EventLog& log, std::int64_t v, std::int64_t t, Targets targets) {
  Expected out;
  const std::int64_t ends[] = {0, kDayMs, 7 * kDayMs, 14 * kDayMs};
  for (std::size_t u = 0; u < log.users(); ++u) {
    const auto all = plain(log.of(u));
    const auto older = [&](std::int64_t moment) {
      std::vector<Event> kept;
      for (const Event& event : all)
        if (event.first < moment) kept.push_back(event);
      return kept;
    };
    out.training.push_back(older(v));
    const auto ask = [&](std::int64_t frozen, std::int64_t stop, std::vector<Asked>& cases) {
      if (older(frozen).empty()) return;
      for (std::uint8_t w = 0; w < 3; ++w) {
        bool first = true;
        for (const Event& event : all) {
          const std::int64_t later = event.first - frozen;
          if (later < ends[w] || later >= ends[w + 1] || event.first >= stop) continue;
          if (first || targets == Targets::all)
            cases.push_back({static_cast<std::uint32_t>(u), event.second, event.first, w, older(frozen)});
          first = false;
        }
      }
    };
    ask(v, t, out.validation);
    ask(t, INT64_MAX, out.test);
  }
  return out;
}

TEST(ColdItems, EqualTheObviousDefinitionOnRandomLogs) {
  std::size_t asked_cold = 0;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    for (const Ties ties : {Ties::given, Ties::shuffled}) {
      EventLog log = random_log(seed);
      const auto made = Split::make(log, {.kind = Kind::cold, .ties = ties, .seed = seed, .cold_share = 0.2,
                                          .cold_seed = seed});
      if (!made.ok()) continue;
      if (ties == Ties::shuffled) shuffle_ties(log, seed);
      const auto marks = catalog::draw_cold_items(log.item_ids, 0.2, seed);
      std::set<std::uint32_t> cold;
      for (std::uint32_t i = 0; i < marks.size(); ++i)
        if (marks[i] != 0) cold.insert(i);
      ASSERT_EQ(cold.size(), 6u);
      expect_same(*made, slow_cold(log, cold), "seed " + std::to_string(seed));
      for (const Case& c : made->cases(Stage::test)) asked_cold += c.group == 0 ? 1 : 0;
    }
  }
  EXPECT_GT(asked_cold, 300u);
}

TEST(ColdItems, ByAnAttributeAreThoseOfTheHighestNumbers) {
  EventLog log = random_log(3);
  const Protocol by_year{.kind = Kind::cold, .cold_share = 0.3, .cold_by = {ColdBy::Kind::attribute, "year"}};
  EXPECT_FALSE(Split::make(log, by_year).ok()) << "the log was read without years";
  for (std::size_t i = 0; i < log.items(); ++i) log.cold_keys.push_back(i % 2 == 0 ? static_cast<double>(i) : 0);
  const auto made = Split::make(log, by_year);
  ASSERT_TRUE(made.ok()) << made.error().message;
  const auto held = made->held_out_items();
  const auto count = static_cast<std::size_t>(std::llround(0.3 * static_cast<double>(log.items())));
  EXPECT_EQ(std::ranges::count(held, 1), static_cast<std::ptrdiff_t>(count));
  for (std::size_t i = 0; i < log.items(); ++i)
    if (held[i] != 0) {
      EXPECT_EQ(i % 2, 0u) << i;
    }
  EXPECT_TRUE(made->check().ok());
}

TEST(ColdItems, ByFirstAppearanceAreTheNewest) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const EventLog log = random_log(seed);
    const auto made = Split::make(log, {.kind = Kind::cold, .cold_share = 0.3, .cold_by = {ColdBy::Kind::first_seen, ""}});
    if (!made.ok()) continue;
    std::map<std::uint32_t, std::int64_t> first;
    for (const auto& event : log.events) {
      const auto at = first.try_emplace(event.item, event.time_ms).first;
      at->second = std::min(at->second, event.time_ms);
    }
    std::set<std::uint32_t> cold;
    std::int64_t oldest_cold = INT64_MAX, newest_known = INT64_MIN;
    for (const auto& [item, time] : first) {
      const bool held = made->held_out_items()[item] != 0;
      if (held) cold.insert(item), oldest_cold = std::min(oldest_cold, time);
      else newest_known = std::max(newest_known, time);
    }
    EXPECT_EQ(cold.size(), static_cast<std::size_t>(std::llround(0.3 * static_cast<double>(first.size()))));
    EXPECT_GE(oldest_cold, newest_known);
    expect_same(*made, slow_cold(log, cold), "seed " + std::to_string(seed));
  }
}

TEST(ColdItems, TheDrawLooksAtNothingButIdsAndSeed) {
  std::vector<std::string> ids;
  for (int i = 0; i < 200; ++i) ids.push_back("item " + std::to_string(i));
  const auto marks = catalog::draw_cold_items(ids, 0.05, 7);
  EXPECT_EQ(std::count(marks.begin(), marks.end(), 1), 10);
  std::vector<std::string> backwards(ids.rbegin(), ids.rend());
  auto other = catalog::draw_cold_items(backwards, 0.05, 7);
  std::ranges::reverse(other);
  EXPECT_EQ(marks, other);
  EXPECT_NE(marks, catalog::draw_cold_items(ids, 0.05, 8));
  EXPECT_EQ(catalog::draw_cold_items(std::vector<std::string>{"a"}, 0.01, 1), std::vector<std::uint8_t>{1});
  EXPECT_TRUE(catalog::draw_cold_items({}, 0.5, 1).empty());
}

TEST(ColdItems, EveryItemIsAsLikely) {
  std::vector<std::string> ids;
  for (int i = 0; i < 40; ++i) ids.push_back(std::to_string(i));
  std::vector<int> drawn(40, 0);
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const auto marks = catalog::draw_cold_items(ids, 0.1, seed);
    for (std::size_t i = 0; i < 40; ++i) drawn[i] += marks[i];
  }
  for (const int count : drawn) EXPECT_NEAR(count, 200, 70);  // five standard deviations
}

TEST(ColdItems, SayWhatIsWrong) {
  const EventLog log = random_log(3);
  for (const double share : {0.0, -1.0, 0.6, std::nan("")})
    EXPECT_THAT(Split::make(log, {.kind = Kind::cold, .cold_share = share}).error().message,
                HasSubstr("at most 0.5"));
  EventLog positions = log_of({{{0, 0}, {1, 1}, {2, 2}}}, 3);
  EXPECT_THAT(
      Split::make(positions, {.kind = Kind::cold, .cold_by = {ColdBy::Kind::first_seen, ""}}).error().message,
      HasSubstr("positions, not times"));
  // Nobody ends with the one held-out item.
  const EventLog same = log_of({{{0, kNow}, {0, kNow + 1}, {0, kNow + 2}}}, 50);
  const auto held = catalog::draw_cold_items(same.item_ids, 0.02, 1);
  ASSERT_EQ(held[0], 0);
  EXPECT_THAT(Split::make(same, {.kind = Kind::cold, .cold_share = 0.02}).error().message,
              HasSubstr("raise the share"));
}

TEST(Windows, EqualTheObviousDefinitionOnRandomLogs) {
  std::size_t cases[3] = {0, 0, 0};
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    for (const Targets targets : {Targets::first, Targets::all}) {
      const EventLog log = random_log(seed);
      const auto made = Split::make(log, {.kind = Kind::windows, .targets = targets});
      if (!made.ok()) continue;
      const std::int64_t v = *made->protocol().validation_ms, t = *made->protocol().test_ms;
      EXPECT_EQ(t - v, 7 * kDayMs);
      expect_same(*made, slow_windows(log, v, t, targets), "seed " + std::to_string(seed));
      for (const Case& c : made->cases(Stage::test)) ++cases[c.group];
    }
  }
  for (const std::size_t n : cases) EXPECT_GT(n, 100u);
}

TEST(Windows, EdgesBelongToTheLaterWindow) {
  const std::int64_t t = kNow + 20 * kDayMs;
  const EventLog log = log_of({{{0, kNow}, {1, t - 1}, {2, t}, {3, t + kDayMs - 1}, {4, t + kDayMs},
                                {5, t + 7 * kDayMs}, {6, t + 14 * kDayMs - 1}, {7, t + 14 * kDayMs}}},
                              8);
  const auto split = Split::make(log, {.kind = Kind::windows, .targets = Targets::all, .test_ms = t}).value();
  EXPECT_THAT(split.groups(), ElementsAre("+1 day", "+7 days", "+14 days"));
  std::vector<std::pair<int, int>> seen;
  for (const Case& c : split.cases(Stage::test)) {
    seen.emplace_back(c.group, c.target);
    EXPECT_EQ(split.history(c).size(), 2u) << "frozen";
  }
  EXPECT_THAT(seen, ElementsAre(std::pair(0, 2), std::pair(0, 3), std::pair(1, 4), std::pair(2, 5), std::pair(2, 6)));
}

TEST(Windows, NeedFourteenDaysAfterTheCutAndTimes) {
  const EventLog log = random_log(5);
  EXPECT_THAT(Split::make(log, {.kind = Kind::windows, .test_ms = kNow + 35 * kDayMs}).error().message,
              HasSubstr("the windows need 14: choose a cut of at most"));
  EXPECT_THAT(Split::make(log, {.kind = Kind::windows, .validation_ms = kNow + 9 * kDayMs, .test_ms = kNow + 8 * kDayMs})
                  .error().message,
              HasSubstr("after the test cut"));
  EXPECT_THAT(Split::make(log, {.kind = Kind::windows, .test_ms = kNow - 1}).error().message,
              HasSubstr("nothing to train on"));
  EXPECT_THAT(Split::make(log, {.kind = Kind::windows, .test_ms = INT64_MIN + 5}).error().message,
              HasSubstr("no moment"));
  EXPECT_THAT(Split::make(log_of({{{0, 0}, {1, 1}, {2, 2}}}, 3), {.kind = Kind::windows}).error().message,
              HasSubstr("positions, not times"));
}

/// User -> (moment, item) of every event.
using EventsByUser = std::map<std::string, std::vector<std::pair<std::int64_t, std::string>>>;

/// A log with one event type; every user in order of time, items numbered as they come.
EventLog log_in_order(EventsByUser users, std::string type) {
  EventLog log;
  log.types = {std::move(type)};
  std::map<std::string, std::uint32_t> rows;
  for (auto& [user, events] : users) {
    std::ranges::stable_sort(events, {}, &std::pair<std::int64_t, std::string>::first);
    log.user_ids.push_back(user);
    for (const auto& [time, item] : events) {
      const auto row = rows.try_emplace(item, static_cast<std::uint32_t>(rows.size())).first->second;
      if (row == log.item_ids.size()) log.item_ids.push_back(item);
      log.events.push_back({.item = row, .type = 0, .time_ms = time});
    }
    log.offsets.push_back(log.events.size());
  }
  return log;
}

/// `ml-100k.inter`: user_id, item_id, rating, timestamp in seconds.
EventLog read_movielens(const std::filesystem::path& file) {
  EventsByUser users;
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    std::stringstream fields(line);
    std::string user, item, rating, time;
    fields >> user >> item >> rating >> time;
    users[user].emplace_back(std::stoll(time) * 1000, item);
  }
  return log_in_order(std::move(users), "rating");
}

/// Purchases of `transactions.csv.gz`: rows with a customer, no cancellation. Read from the right, since
/// descriptions hold commas.
EventLog read_online_retail(const std::filesystem::path& file) {
  FILE* pipe = ::popen(("gzip -dc '" + file.string() + "'").c_str(), "r");
  if (pipe == nullptr) return {};
  EventsByUser users;
  char buffer[4096];
  for (bool header = true; std::fgets(buffer, sizeof buffer, pipe) != nullptr; header = false) {
    std::string line(buffer);
    std::vector<std::string> tail;  // country, customer, price, date, quantity
    for (int field = 0; field < 5; ++field) {
      const std::size_t comma = line.rfind(',');
      tail.push_back(line.substr(comma + 1));
      line.erase(comma);
    }
    const std::size_t first = line.find(',');
    const std::string invoice = line.substr(0, first), item = line.substr(first + 1, line.find(',', first + 1) - first - 1);
    if (header || tail[1].empty() || invoice.starts_with("C")) continue;
    std::tm when{};
    if (::strptime(tail[3].c_str(), "%Y-%m-%d %H:%M:%S", &when) == nullptr) continue;
    users[tail[1]].emplace_back(static_cast<std::int64_t>(::timegm(&when)) * 1000, item);
  }
  ::pclose(pipe);
  return log_in_order(std::move(users), "purchase");
}

TEST(RealProtocols, OnlineRetail) {
  const auto folder = data_folder();
  if (!folder || !std::filesystem::exists(*folder / "online-retail"))
    GTEST_SKIP() << "online-retail is not here: set PENCHANT_TEST_DATA";
  const EventLog log = read_online_retail(*folder / "online-retail" / "transactions.csv.gz");
  ASSERT_EQ(log.events.size(), 397'924u);
  ASSERT_EQ(log.users(), 4'339u);
  ASSERT_EQ(log.items(), 3'665u);
  for (const auto& protocol : {Protocol{.kind = Kind::cold}, Protocol{.kind = Kind::cold, .ties = Ties::shuffled, .seed = 4},
                               Protocol{.kind = Kind::cold, .cold_by = {ColdBy::Kind::first_seen, ""}}}) {
    const auto cold = Split::make(log, protocol).value();
    std::set<std::uint32_t> items;
    for (std::uint32_t i = 0; i < log.items(); ++i)
      if (cold.held_out_items()[i] != 0) items.insert(i);
    EXPECT_EQ(items.size(), 183u);
    EventLog ordered = log;
    if (protocol.ties == Ties::shuffled) shuffle_ties(ordered, protocol.seed);
    expect_same(cold, slow_cold(ordered, items), "cold");
    const auto cases = cold.cases(Stage::test);
    const auto asked = std::count_if(cases.begin(), cases.end(), [](const Case& c) { return c.group == 0; });
    EXPECT_GT(asked, 50) << "cold questions";
    EXPECT_LT(asked, static_cast<std::ptrdiff_t>(cases.size() / 4));
  }
  const auto windows = Split::make(log, {.kind = Kind::windows}).value();
  expect_same(windows, slow_windows(log, *windows.protocol().validation_ms, *windows.protocol().test_ms, Targets::first),
              "windows");
  std::size_t groups[3] = {0, 0, 0};
  for (const Case& c : windows.cases(Stage::test)) ++groups[c.group];
  EXPECT_GT(groups[0], 20u);
  EXPECT_GT(groups[1], groups[0]);
  EXPECT_GT(groups[2], groups[0]);
}

TEST(RealProtocols, MovieLens100K) {
  const auto folder = data_folder();
  if (!folder || !std::filesystem::exists(*folder / "movielens-100k"))
    GTEST_SKIP() << "movielens-100k is not here: set PENCHANT_TEST_DATA";
  const EventLog log = read_movielens(*folder / "movielens-100k" / "ml-100k.inter");
  ASSERT_EQ(log.events.size(), 100'000u);
  ASSERT_EQ(log.items(), 1682u);
  const auto cold = Split::make(log, {.kind = Kind::cold}).value();
  const auto marks = cold.held_out_items();
  EXPECT_EQ(std::count(marks.begin(), marks.end(), 1), 84);
  std::set<std::uint32_t> items;
  for (std::uint32_t i = 0; i < marks.size(); ++i)
    if (marks[i] != 0) items.insert(i);
  expect_same(cold, slow_cold(log, items), "cold");
  const auto newest = Split::make(log, {.kind = Kind::cold, .cold_share = 0.1, .cold_by = {ColdBy::Kind::first_seen, ""}}).value();
  std::int64_t first_cold = INT64_MAX;
  for (const auto& event : log.events)
    if (newest.held_out_items()[event.item] != 0) first_cold = std::min(first_cold, event.time_ms);
  EXPECT_NEAR(static_cast<double>(first_cold), 885'168'000'000.0, 3.0 * kDayMs) << "10 % appear after 1998-01-19";
  for (const Targets targets : {Targets::first, Targets::all}) {
    const auto windows = Split::make(log, {.kind = Kind::windows, .targets = targets}).value();
    expect_same(windows, slow_windows(log, *windows.protocol().validation_ms, *windows.protocol().test_ms, targets),
                "windows");
    std::size_t groups[3] = {0, 0, 0};
    for (const Case& c : windows.cases(Stage::test)) ++groups[c.group];
    for (const std::size_t n : groups) EXPECT_GT(n, 0u);
  }
}

}  // namespace
}  // namespace penchant::evaluate
