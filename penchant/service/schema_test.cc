#include "penchant/service/schema.h"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "penchant/service/json_text.h"
#include "penchant/service/metrics.h"
#include "penchant/service/recommendation_id.h"

namespace penchant::service {
namespace {

std::string field(const char* text, const Schema& schema) {
  const auto fault = check(json::parse(text), schema);
  return fault ? fault->field : "fine";
}

TEST(Schema, PointsAtTheFirstThingThatIsWrong) {
  const Schema schema = object({need("a", list(object({need("b", integer(0, 5), "")}), 3), ""), may("c/d", boolean(), "")});
  EXPECT_EQ(field(R"({"a": []})", schema), "fine");
  EXPECT_EQ(field(R"({"a": [{"b": 1}, {"b": 6}]})", schema), "/a/1/b");
  EXPECT_EQ(field(R"({"a": [{"b": 1}, {}]})", schema), "/a/1/b");
  EXPECT_EQ(field(R"({"a": [1, 2, 3, 4]})", schema), "/a");
  EXPECT_EQ(field(R"({"a": [], "c/d": 1})", schema), "/c~1d");
  EXPECT_EQ(field(R"({"a": [], "x~y": 1})", schema), "/x~0y");
  EXPECT_EQ(field(R"({})", schema), "/a");
}

TEST(Schema, WholeNumbersAreIntegersHoweverWritten) {
  EXPECT_EQ(field("3", integer(0, 5)), "fine");
  EXPECT_EQ(field("3.0", integer(0, 5)), "fine");
  EXPECT_EQ(field("3.5", integer(0, 5)), "");
  EXPECT_EQ(field("18446744073709551615", integer(0, 5)), "");
  EXPECT_EQ(field("3", number(0, 5)), "fine");
  EXPECT_EQ(field("3", text(5)), "");
}

TEST(Schema, NamedSchemasBecomeReferencesOnce) {
  json::object components;
  const Schema inner = object({need("x", id(), "")}).named("Inner");
  const auto outer = to_json_schema(object({need("p", inner, ""), need("q", list(inner, 2), "")}), components);
  EXPECT_EQ(components.size(), 1U);
  EXPECT_EQ(outer.at_pointer("/properties/p/$ref").get_string(), "#/components/schemas/Inner");
  EXPECT_EQ(outer.at_pointer("/properties/q/items/$ref").get_string(), "#/components/schemas/Inner");
  EXPECT_EQ(components.at("Inner").at_pointer("/additionalProperties"), json::value(false));
}

TEST(JsonText, TellsLinesFromOneValue) {
  EXPECT_TRUE(is_ndjson("application/x-ndjson", ""));
  EXPECT_TRUE(is_ndjson("", "{\"a\": 1}\n{\"a\": 2}\n"));
  EXPECT_TRUE(is_ndjson("", "\n{\"a\": 1}\r\n\r\n{broken"));
  EXPECT_FALSE(is_ndjson("application/json", "{\n\"a\": 1\n}"));
  EXPECT_FALSE(is_ndjson("", "{\"a\":\n{\"b\": 1}}"));
  EXPECT_FALSE(is_ndjson("", "{\"a\": 1}\n"));
  EXPECT_FALSE(is_ndjson("", "[{}]\n[{}]"));
}

TEST(Metrics, WritesTheTextFormat) {
  Metrics metrics;
  metrics.declare("a_total", Metrics::Kind::counter, "what\nit is");
  metrics.declare("b_seconds", Metrics::Kind::histogram, "time", {0.1, 1});
  metrics.count("a_total", {{"k", "q\"\\\n"}}, 2);
  metrics.observe("b_seconds", 0.1);
  metrics.observe("b_seconds", 5);
  EXPECT_EQ(metrics.text(),
            "# HELP a_total what\\nit is\n# TYPE a_total counter\na_total{k=\"q\\\"\\\\\\n\"} 2\n"
            "# HELP b_seconds time\n# TYPE b_seconds histogram\n"
            "b_seconds_bucket{le=\"0.1\"} 1\nb_seconds_bucket{le=\"1\"} 1\nb_seconds_bucket{le=\"+Inf\"} 2\n"
            "b_seconds_sum 5.1\nb_seconds_count 2\n");
}

TEST(RecommendationIds, SortByTimeAndRepeatWithTheirSeed) {
  RecommendationIds one(7), same(7);
  const std::string first = one.next(1000), second = one.next(2000);
  EXPECT_EQ(first, same.next(1000));
  EXPECT_LT(first, second);
  EXPECT_EQ(first.size(), 26U);
  EXPECT_EQ(first.find_first_not_of("0123456789ABCDEFGHJKMNPQRSTVWXYZ"), std::string::npos);
}

}  // namespace
}  // namespace penchant::service
