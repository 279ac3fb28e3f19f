#include "penchant/store/describe.h"

#include <algorithm>

#include "penchant/store/store_fixture_test.h"
#include "penchant/store/text_table.h"
#include "penchant/store/validate.h"

namespace penchant::store {
namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;

std::vector<std::string> codes(Store& store) {
  const FixedClock clock(kNow);
  const auto findings = validate(store, clock).value();
  std::vector<std::string> out;
  for (const auto& finding : findings) {
    out.push_back(std::string(name_of(finding.severity)) + " " + finding.code);
    EXPECT_FALSE(finding.what.empty());
    EXPECT_FALSE(finding.advice.empty());
  }
  return out;
}

bool has(const std::vector<std::string>& list, const std::string& code) {
  return std::find(list.begin(), list.end(), code) != list.end();
}

void expect_fits(const std::string& table) {
  std::size_t at = 0;
  while (at < table.size()) {
    const auto end = table.find('\n', at);
    EXPECT_LE(display_width(table.substr(at, end - at)), kTableWidth) << table.substr(at, end - at);
    at = end + 1;
  }
}

TEST(Spread, ByNearestRank) {
  const Spread s = spread_of({4, 0, 1, 2, 3});
  EXPECT_EQ(s.n, 4u);
  EXPECT_EQ(s.min, 1);
  EXPECT_EQ(s.p25, 1);
  EXPECT_EQ(s.median, 2);
  EXPECT_EQ(s.p75, 3);
  EXPECT_EQ(s.max, 4);
  EXPECT_EQ(s.mean, 2.5);
  EXPECT_EQ(spread_of({}).n, 0u);
}

TEST_F(StoreTest, DescribeCounts) {
  const auto store = open();
  std::vector<Item> items{item("a", "A"), item("b", "B"), item("c")};
  items[0].attributes = {
      {"genre", std::vector<std::string>{"x", "y"}},
      {"a very long attribute name that would not fit into any table at all, really", 3.0}};
  items[1].vectors = {{"visual", {1, 2}}};
  items[2].available = false;
  ASSERT_TRUE(store->put_items(items).ok());
  Event rated = event("u", "a", kNow - 5);
  rated.type = "rating";
  rated.value = 4;
  append(*store, {event("u", "a", kNow - 9), rated, event("u", "b", kNow - 5), event("v", "a", kNow - 1)});
  const auto d = describe(*store).value();
  EXPECT_EQ(d.counts.items, 3u);
  EXPECT_EQ(d.available_items, 2u);
  EXPECT_EQ(d.items_with_title, 2u);
  EXPECT_EQ(d.items_with_events, 2u);
  EXPECT_EQ(d.pairs, 3u);
  EXPECT_EQ(d.repeated_share, 0.25);
  EXPECT_EQ(d.same_time_share, 0.25);
  EXPECT_EQ(d.per_user.max, 3);
  EXPECT_EQ(d.per_item.max, 3);
  ASSERT_EQ(d.types.size(), 2u);
  EXPECT_EQ(d.types[1].mean_value, 4);
  ASSERT_EQ(d.modalities.size(), 1u);
  EXPECT_EQ(d.modalities[0].dim, 2u);
  EXPECT_EQ(d.item_attributes.size(), 2u);
  const std::string table = to_table(d);
  expect_fits(table);
  EXPECT_NE(table.find("genre"), std::string::npos);
  EXPECT_NE(to_json(d).find("\"repeated_share\":2.5E-1"), std::string::npos) << to_json(d);
  EXPECT_TRUE(describe(*open_store((home_ / "empty").string()).value()).ok());
}

TEST_F(StoreTest, ValidateFindsWhatIsWrong) {
  const auto store = open();
  EXPECT_EQ(codes(*store), (std::vector<std::string>{"error no_items", "error no_events"}));
  append(*store, {event("u", "a", kNow)});
  auto found = codes(*store);
  for (const char* code : {"error one_item", "error one_user", "warning unknown_items"})
    EXPECT_TRUE(has(found, code)) << code;

  const auto other = open_store((home_ / "b").string()).value();
  std::vector<Event> events;
  for (int i = 0; i < 200; ++i)
    events.push_back(event("u" + std::to_string(i), i % 3 == 0 ? "hit" : "i" + std::to_string(i), 500));
  append(*other, events);
  std::vector<Item> named;
  for (int i = 0; i < 40; ++i) named.push_back(item("n" + std::to_string(i), "the same Title"));
  named.push_back(item("vector only"));
  named.back().vectors = {{"v", {1}}};
  named[0].vectors = {{"v", {2}}};
  named[1].vectors = {{"v", {1, 2}}};  // of another length
  ASSERT_TRUE(other->put_items(named).ok());
  found = codes(*other);
  for (const char* code : {"error equal_times", "warning single_event_users", "warning dominating_item",
                           "warning items_without_text", "warning vector_lengths", "warning duplicate_titles", "warning old_times"})
    EXPECT_TRUE(has(found, code)) << code;
  EXPECT_TRUE(std::is_sorted(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return a.substr(0, 5) == "error" && b.substr(0, 5) != "error";
  }));

  append(*other, {event("u1", "hit", kNow + 10 * 86'400'000LL)});
  found = codes(*other);
  EXPECT_TRUE(has(found, "warning future_times"));
  EXPECT_TRUE(has(found, "warning crowded_instant"));
  EXPECT_FALSE(has(found, "error equal_times"));
  const FixedClock clock(kNow);
  expect_fits(to_table(validate(*other, clock).value()));
  EXPECT_NE(to_json(validate(*other, clock).value()).find("\"severity\":\"warning\""), std::string::npos);
}

TEST_F(StoreTest, ValidateIsSilentOnGoodData) {
  const auto store = open();
  std::vector<Item> items;
  std::vector<Event> events;
  for (int i = 0; i < 40; ++i) {
    items.push_back(item("i" + std::to_string(i), "Title " + std::to_string(i)));
    for (int k = 0; k < 6; ++k)
      events.push_back(event("u" + std::to_string(i), "i" + std::to_string((i + k) % 40),
                             kNow - 1'000'000 + 1000 * (i * 6 + k)));
  }
  ASSERT_TRUE(store->put_items(items).ok());
  append(*store, events);
  EXPECT_EQ(codes(*store), std::vector<std::string>{});
  EXPECT_EQ(to_table(std::vector<Finding>{}), "Nothing looks wrong.\n");
}

}  // namespace
}  // namespace penchant::store
