// libFuzzer target: whatever bytes a client sends, reading them as a request ends in a value or a
// fault with a message, never in a crash or an exception. Build with clang:
//   clang++ -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -I. tests/fuzz/request_json_fuzz.cc
//     penchant/service/{schema,request_schemas,json_text,json_values,fault}.cc penchant/catalog/*.cc (no tests)
//     penchant/base/*.cc -lboost_json -lboost_container -licuuc
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <boost/json/serialize.hpp>

#include "penchant/catalog/json.h"
#include "penchant/service/json_text.h"
#include "penchant/service/schemas.h"

using namespace penchant;           // NOLINT: a program of one function
using namespace penchant::service;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for_each_line(text, [](std::size_t, std::string_view line) {
    static_cast<void>(parse_json(line));
    return true;
  });
  static_cast<void>(is_ndjson("", text));
  const auto value = parse_json(text);
  if (const auto* fault = std::get_if<Fault>(&value)) {
    if (fault->message.empty()) std::abort();
    return 0;
  }
  const auto& body = std::get<boost::json::value>(value);
  static_cast<void>(check(body, recommend_request_schema()));
  // What passes the schema is readable by the readers of the catalogue without an exception.
  if (!check(body, event_schema())) static_cast<void>(catalog::event_from_json(boost::json::serialize(body)));
  if (!check(body, item_schema())) static_cast<void>(catalog::item_from_json(boost::json::serialize(body), "x"));
  if (!check(body, user_schema())) static_cast<void>(catalog::user_from_json(boost::json::serialize(body), "x"));
  return 0;
}
