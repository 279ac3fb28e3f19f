#include "penchant/service/json_writer.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include <charconv>
#include <cmath>
#include <cstring>

#include "penchant/base/rng.h"

namespace penchant::service {
namespace {

namespace json = boost::json;

TEST(WriteJson, NumbersLookAsPeopleWriteThem) {
  EXPECT_EQ(write_json(json::value{{"a", 0.34}, {"b", 5.0}, {"c", {1, true, nullptr, "x\"\n"}}, {"d", json::object{}}}),
            R"({"a":0.34,"b":5,"c":[1,true,null,"x\"\n"],"d":{}})");
}

TEST(WriteJson, EveryNumberReadsBackAsItself) {
  Rng rng(3);
  for (int i = 0; i < 20'000; ++i) {
    double number = 0;
    const std::uint64_t bits = rng();
    std::memcpy(&number, &bits, sizeof number);
    if (!std::isfinite(number)) continue;
    // Not json::parse: its reader of numbers rounds the last bit wrongly now and then.
    const std::string text = write_json(number);
    double back = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), back);
    EXPECT_EQ(back, number);
    EXPECT_EQ(end.ptr, text.data() + text.size());
    EXPECT_FALSE(json::parse(text).is_string());
  }
  EXPECT_EQ(write_json(json::array{std::nan(""), 1.0 / 0.0}), "[null,null]");
}

}  // namespace
}  // namespace penchant::service
