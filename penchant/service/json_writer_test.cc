#include "penchant/service/json_writer.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

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
    EXPECT_EQ(json::parse(write_json(number)).to_number<double>(), number);
  }
}

}  // namespace
}  // namespace penchant::service
