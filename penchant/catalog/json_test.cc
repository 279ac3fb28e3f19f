#include "penchant/catalog/json.h"

#include <gtest/gtest.h>

#include <cmath>

#include "penchant/catalog/attribute_schema.h"
#include "penchant/catalog/text_form.h"
#include "penchant/catalog/time.h"

namespace penchant::catalog {
namespace {

TEST(Json, ItemGoesThereAndBack) {
  const std::string text =
      R"({"id":"4\"2","title":"Alien – 異形","attributes":{"genre":["horror","sci-fi"],"new":true,"price":9.75,"studio":"Fox","year":1979},)"
      R"("vectors":{"visual":[0.5,-1.25]},"available":false,"created":"2024-05-31T12:00:00.250Z"})";
  const auto item = item_from_json(text).value();
  EXPECT_EQ(item.id, "4\"2");
  EXPECT_EQ(std::get<double>(item.attributes.at("price")), 9.75);
  EXPECT_EQ(item.vectors.at(0).values, (std::vector<float>{0.5F, -1.25F}));
  EXPECT_EQ(item.created_ms, 1717156800250);
  const auto again = item_from_json(to_json(item)).value();
  EXPECT_EQ(again.id, item.id);
  EXPECT_EQ(again.title, item.title);
  EXPECT_EQ(again.attributes, item.attributes);
  EXPECT_EQ(again.vectors.at(0).values, item.vectors.at(0).values);
  EXPECT_EQ(again.created_ms, item.created_ms);
  EXPECT_FALSE(again.available);
}

TEST(Json, EventGoesThereAndBackAndTakesManyTimes) {
  const auto event =
      event_from_json(
          R"({"user":"u","item":7,"type":"like","value":-2,"time":1717156800,"idempotency_key":"k","recommendation_id":"r"})")
          .value();
  EXPECT_EQ(event.item, "7");
  EXPECT_EQ(event.time_ms, 1717156800000);
  EXPECT_EQ(event_from_json(R"({"user":"u","item":"i","time":1717156800123})").value().time_ms,
            1717156800123);
  const auto again = event_from_json(to_json(event)).value();
  EXPECT_EQ(again.time_ms, event.time_ms);
  EXPECT_EQ(again.value, event.value);
  EXPECT_EQ(again.idempotency_key, "k");
  const auto bare = event_from_json(R"({"user":"u","item":"i"})").value();
  EXPECT_EQ(bare.type, "view");
  EXPECT_EQ(bare.time_ms, 0);
  EXPECT_FALSE(bare.value.has_value());
}

TEST(Json, ErrorsNameTheField) {
  const auto item = [](std::string_view text, std::string_view id = "") {
    return item_from_json(text, id).error().message;
  };
  EXPECT_EQ(item(R"({"id":"1","titel":"x"})"), "item: unknown field 'titel'; near names: title");
  EXPECT_EQ(item(R"({"title":"x"})"), "item.id: missing; 1 to 512 bytes are wanted");
  EXPECT_EQ(item(R"({"id":"1"})", "2"), "item.id: '1' is not '2' of the address");
  EXPECT_EQ(item_from_json(R"({"title":"x"})", "2").value().id, "2");
  EXPECT_EQ(item(R"({"id":"1","attributes":{"a":{"b":1}}})"),
            "item.attributes.a: a number, text, true, false or a list of texts is wanted");
  EXPECT_EQ(item(R"({"id":"1","vectors":{"v":[1,"x"]}})"),
            "item.vectors.v: element 1 is not a finite number");
  EXPECT_EQ(item(R"({"id":"1","available":"yes"})"), "item.available: true or false is wanted");
  EXPECT_NE(item("[1]").find("a JSON object is wanted"), std::string::npos);
  EXPECT_NE(item("{\"id\":").find("not valid JSON at byte"), std::string::npos);
  EXPECT_NE(item("").find("not valid JSON"), std::string::npos);
  EXPECT_NE(item(R"({"id":"1"} x)").find("more text after"), std::string::npos);
  EXPECT_NE(item("{\"id\":\"\xff\"}").find("not valid JSON"), std::string::npos);
  EXPECT_NE(item(R"({"id":")" + std::string(600, 'x') + "\"}").find("600 bytes"), std::string::npos);
  EXPECT_NE(item(R"({"id":"1","title":")" + std::string(70'000, 'x') + "\"}").find("item.title: 70000 bytes"),
            std::string::npos);
  EXPECT_NE(event_from_json(R"({"user":"u","item":"i","time":"soon"})")
                .error()
                .message.find("event.time: 'soon' is not a time"),
            std::string::npos);
  EXPECT_EQ(event_from_json(R"({"user":"u","item":"i","value":"x"})").error().message,
            "event.value: a finite number is wanted");
  EXPECT_EQ(user_from_json(R"({"id":"u","age":3})").error().message,
            "user: unknown field 'age'; known: id, attributes");
  EXPECT_FALSE(
      item_from_json("{\"id\":\"1\",\"attributes\":" + std::string(100, '[') + std::string(100, ']') + "}")
          .ok());
  std::string many = "{";
  for (int i = 0; i < 300; ++i) many += (i == 0 ? "\"a" : ",\"a") + std::to_string(i) + "\":1";
  EXPECT_NE(attributes_from_json(many + "}").error().message.find("300 attributes"), std::string::npos);
}

TEST(Time, ReadsWhatFilesHold) {
  const auto ms = [](std::string_view text) { return parse_time_ms(text).value(); };
  EXPECT_EQ(ms("881250949"), 881250949000);
  EXPECT_EQ(ms("881250949.5"), 881250949500);
  EXPECT_EQ(ms("1717156800123"), 1717156800123);
  EXPECT_EQ(ms("1717156800123456"), 1717156800123);
  EXPECT_EQ(ms("1.7171568e9"), 1717156800000);
  EXPECT_EQ(ms("2014-12-12"), 1418342400000);
  EXPECT_EQ(ms("20141212"), 1418342400000);
  EXPECT_EQ(ms("2014-12-12 20:12:35 UTC"), 1418415155000);
  EXPECT_EQ(ms("2014-12-12T20:12:35Z"), 1418415155000);
  EXPECT_EQ(ms("2014-12-12T22:12:35.250+02:00"), 1418415155250);
  EXPECT_EQ(ms("2014-12-12 15:12:35-0500"), 1418415155000);
  EXPECT_EQ(ms("2014/12/12 20:12"), 1418415120000);
  EXPECT_EQ(ms("2000-02-29T00:00:00.123456789Z"), 951782400123);
  for (const char* bad : {"", "soon", "2014-13-01", "2015-02-29", "2014-12-12T25:00", "2014-12-12X",
                          "12/12/2014", "1e300", "99999", "-", "2014-12-12 20:12:35 PST", "nan"})
    EXPECT_EQ(parse_time_ms(bad).ok(), std::string_view(bad) == "99999")
        << bad;  // a small number is a time in 1970
}

TEST(Time, FormatParsesBack) {
  for (const std::int64_t t :
       {0LL, 1LL, -1LL, 951782400123LL, -2208988800000LL, 1717156800999LL, 4102444799999LL})
    EXPECT_EQ(parse_time_ms(format_time(t)).value(), t) << format_time(t);
}

TEST(TextForm, Utf8IsCheckedAndCutAtCharacters) {
  EXPECT_TRUE(valid_utf8("abcdefghijk é 異 😀"));
  for (const char* bad :
       {"\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80", "abc\x80", "\xe2\x82", "01234567\xff"})
    EXPECT_FALSE(valid_utf8(bad));
  EXPECT_EQ(cut_utf8("aé異", 2), "a");
  EXPECT_EQ(cut_utf8("aé異", 3), "aé");
  EXPECT_EQ(cut_utf8("aé異", 5), "aé");
  EXPECT_EQ(latin1_to_utf8("caf\xe9 \x80 \x93x\x94"), "café € “x”");
  EXPECT_EQ(fold_case("ÄPFEL Straße"), fold_case("äpfel STRASSE"));
  double number = 0;
  EXPECT_TRUE(parse_number("+3.5e2", number));
  EXPECT_EQ(number, 350);
  for (const char* bad : {"", "nan", "inf", "1e999", "0x10", "1 ", "--1", "+-1", "."})
    EXPECT_FALSE(parse_number(bad, number)) << bad;
}

TEST(ItemText, FollowsTheTemplate) {
  Item item;
  item.title = "Alien";
  item.attributes = {
      {"year", 1979.0}, {"genre", std::vector<std::string>{"horror", "sci-fi"}}, {"empty", std::string()}};
  EXPECT_EQ(item_text(item), "Alien. genre: horror, sci-fi. year: 1979");
  item.title.clear();
  EXPECT_EQ(item_text(item), "genre: horror, sci-fi. year: 1979");
  item.attributes.clear();
  item.title = std::string(kMaxTextBytes - 1, 'x') + "é";
  EXPECT_EQ(item_text(item).size(), kMaxTextBytes - 1);
  EXPECT_EQ(to_text(0.1), "0.1");
  EXPECT_EQ(to_text(true), "true");
}

TEST(Schema, SummarisesKindsCoverageAndExamples) {
  SchemaBuilder builder;
  builder.add({{"year", 1990.0}, {"genre", std::vector<std::string>{"a", "b"}}});
  builder.add({{"year", 2000.0}, {"genre", std::vector<std::string>{"b"}}, {"odd", true}});
  builder.add({{"odd", std::string("x")}});
  builder.add({});
  const auto schema = builder.finish();
  ASSERT_EQ(schema.size(), 3u);
  EXPECT_EQ(schema[0].name, "genre");
  EXPECT_EQ(schema[0].kind, "list");
  EXPECT_EQ(schema[0].coverage, 0.5);
  EXPECT_EQ(schema[0].distinct, 2u);
  EXPECT_EQ(schema[0].examples, (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(schema[1].kind, "mixed");
  EXPECT_EQ(schema[2].min, 1990);
  EXPECT_EQ(schema[2].max, 2000);
}

}  // namespace
}  // namespace penchant::catalog
