#include "penchant/service/fakes_for_test.h"
#include "penchant/service/schemas.h"

namespace penchant::service {
namespace {

TEST_F(ServiceTest, OneEventIsStoredWithTheTimeOfArrival) {
  start();
  const auto got = post("/v1/events", R"({"user": 196, "item": "1", "type": "like"})");
  ASSERT_EQ(got.status, 200) << got.raw.body;
  EXPECT_FALSE(check(got.body, events_answer_schema())) << got.raw.body;
  EXPECT_EQ(at(got.body, "/accepted"), "1");
  ASSERT_EQ(store.events.size(), 1U);
  EXPECT_EQ(store.events[0].user, "196");
  EXPECT_EQ(store.events[0].type, "like");
  EXPECT_EQ(store.events[0].time_ms, clock.now_ms());
}

TEST_F(ServiceTest, ARepeatedKeyHasNoEffect) {
  start();
  const std::string event = R"({"user": "196", "item": "1", "idempotency_key": "k1"})";
  EXPECT_EQ(at(post("/v1/events", event).body, "/accepted"), "1");
  const auto again = post("/v1/events", event);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(at(again.body, "/accepted"), "0");
  EXPECT_EQ(at(again.body, "/duplicates"), "1");
}

TEST_F(ServiceTest, AnEventOfAnUnknownItemSaysWhatToDo) {
  start();
  const auto got = post("/v1/events", R"({"user": "196", "item": "zzz"})");
  EXPECT_EQ(got.status, 400);
  EXPECT_EQ(at(got.body, "/error/field"), "/item");
  EXPECT_NE(at(got.body, "/error/hint").find("create_items"), std::string::npos);
  const auto created = post("/v1/events?create_items=true", R"({"user": "new", "item": "zzz"})");
  EXPECT_EQ(created.status, 200);
  EXPECT_EQ(at(created.body, "/created_items"), "1");
  EXPECT_EQ(at(created.body, "/created_users"), "1");
}

TEST_F(ServiceTest, WrongEventsNameTheField) {
  start();
  const std::pair<const char*, const char*> cases[] = {
      {R"({"item": "1"})", "/user"}, {R"({"user": "196"})", "/item"},
      {R"({"user": "196", "item": "1", "typ": "like"})", "/typ"},
      {R"({"user": "196", "item": "1", "value": "five"})", "/value"},
      {R"({"user": "196", "item": "1", "time": "yesterday"})", "/time"}};
  for (const auto& [body, field] : cases) {
    const auto got = post("/v1/events", body);
    EXPECT_EQ(got.status, 400) << body;
    EXPECT_EQ(at(got.body, "/error/field"), field) << got.raw.body;
  }
  EXPECT_TRUE(store.events.empty());
}

constexpr const char* kLines =
    "{\"user\": \"196\", \"item\": \"1\", \"time\": 1700000000}\n"
    "{\"user\": \"196\", \"item\": \"zzz\"}\r\n"
    "\n"
    "not json\n"
    "{\"user\": \"196\", \"item\": \"2\", \"value\": 5, \"extra\": 1}\n"
    "{\"user\": \"96\", \"item\": \"2\", \"value\": 5}\n";

TEST_F(ServiceTest, LinesAreStoredAndWrongOnesReportedByNumber) {
  start();
  for (const std::string type : {"application/x-ndjson", "application/x-www-form-urlencoded"}) {
    store.events.clear();
    const auto got = call("POST", "/v1/events", kLines, {{"Content-Type", type}});
    ASSERT_EQ(got.status, 200) << got.raw.body;
    EXPECT_FALSE(check(got.body, events_answer_schema())) << got.raw.body;
    EXPECT_EQ(at(got.body, "/accepted"), "2");
    EXPECT_EQ(at(got.body, "/rejected"), "3");
    EXPECT_EQ(at(got.body, "/errors/0/line"), "2");
    EXPECT_EQ(at(got.body, "/errors/0/field"), "/item");
    EXPECT_EQ(at(got.body, "/errors/1/line"), "4");
    EXPECT_EQ(at(got.body, "/errors/2/line"), "5");
    EXPECT_EQ(at(got.body, "/errors/2/field"), "/extra");
    ASSERT_EQ(store.events.size(), 2U);
    EXPECT_EQ(store.events[0].time_ms, 1'700'000'000'000);
  }
}

TEST_F(ServiceTest, AllOrNothingStoresNothing) {
  start();
  const auto got = post("/v1/events?all_or_nothing=true", kLines);
  EXPECT_EQ(got.status, 400);
  EXPECT_EQ(at(got.body, "/accepted"), "0");
  EXPECT_NE(at(got.body, "/error/message").find("none was stored"), std::string::npos);
  EXPECT_EQ(at(got.body, "/errors/0/line"), "2");
  EXPECT_TRUE(store.events.empty());
}

TEST_F(ServiceTest, ListsOfEventsComeInTwoForms) {
  start();
  const std::string events = R"([{"user": "196", "item": "1"}, {"user": "196", "item": "2"}, {"user": "196"}])";
  EXPECT_EQ(at(post("/v1/events", events).body, "/accepted"), "2");
  const auto got = post("/v1/events", "{\"events\": " + events + "}");
  EXPECT_EQ(at(got.body, "/accepted"), "2");
  EXPECT_EQ(at(got.body, "/errors/0/field"), "/events/2/item");
  EXPECT_EQ(post("/v1/events", "{\"all_or_nothing\": true, \"events\": " + events + "}").status, 400);
  EXPECT_EQ(at(post("/v1/events", R"({"events": [], "more": 1})").body, "/error/field"), "/more");
  EXPECT_EQ(at(post("/v1/events", R"({"events": {}})").body, "/error/field"), "/events");
}

TEST_F(ServiceTest, ABulkRequestWithNothingRightIs400) {
  start();
  const auto got = post("/v1/events", R"([{"user": "196", "item": "zzz"}])");
  EXPECT_EQ(got.status, 400);
  EXPECT_EQ(at(got.body, "/rejected"), "1");
}

TEST_F(ServiceTest, LinesWhoseEndsWereLostAreExplained) {
  start();
  const auto got = post("/v1/events", R"({"user":"196","item":"1"}{"user":"196","item":"2"})");
  EXPECT_EQ(got.status, 400);
  EXPECT_NE(at(got.body, "/error/hint").find("--data-binary"), std::string::npos);
}

TEST_F(ServiceTest, HistoryIsNewestFirstWithTitles) {
  start();
  post("/v1/events", R"({"user": "196", "item": "1", "time": 1600000000})");
  post("/v1/events", R"({"user": "196", "item": "2", "type": "like", "value": 4, "time": 1600000100})");
  const auto got = call("GET", "/v1/users/196/events?limit=5");
  ASSERT_EQ(got.status, 200) << got.raw.body;
  EXPECT_FALSE(check(got.body, history_schema())) << got.raw.body;
  EXPECT_EQ(at(got.body, "/events/0/item"), "2");
  EXPECT_EQ(at(got.body, "/events/0/title"), "Two");
  EXPECT_EQ(at(got.body, "/events/0/type"), "like");
  EXPECT_EQ(at(got.body, "/events/0/time"), "2020-09-13T12:28:20.000Z");
  EXPECT_EQ(at(got.body, "/events/1/value"), "null");
  EXPECT_EQ(call("GET", "/v1/users/nobody/events").status, 404);
}

}  // namespace
}  // namespace penchant::service
