#pragma once
/// \file Many items or users in one request. Private to service.
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/serialize.hpp>

#include "penchant/service/json_text.h"
#include "penchant/service/json_values.h"
#include "penchant/service/route.h"
#include "penchant/service/schemas.h"

namespace penchant::service {

inline constexpr std::size_t kMaxRecords = 100'000;
inline constexpr std::size_t kMaxReportedErrors = 1000;

/// Reads the records of a body that is one object, a list, {"<name>": […]} or one object per line;
/// stores those that are well with `put` (one transaction) and reports the others by line.
/// \param read  item_from_json or user_from_json
template <class Record>
Answer put_many(const Call& call, const std::string& name, const Schema& schema,
                Result<Record> (*read)(std::string_view, std::string_view),
                const std::function<Status(std::vector<Record>&)>& put) {
  std::vector<Record> records;
  json::array errors;
  std::size_t rejected = 0, seen = 0;
  std::optional<Fault> first;
  const auto refuse = [&](std::size_t line, Fault fault) {
    json::object error{{"line", line}};
    for (const auto& entry : fault_json(fault)) error[entry.key()] = entry.value();
    if (++rejected <= kMaxReportedErrors) errors.emplace_back(std::move(error));
    if (!first) first = std::move(fault);
  };
  const auto add = [&](std::size_t line, const json::value& value, const std::string& pointer) {
    if (auto fault = check(value, schema, pointer)) return refuse(line, std::move(*fault));
    auto record = read(json::serialize(value), "");
    if (!record.ok()) return refuse(line, fault_of(std::move(record).error(), pointer));
    records.push_back(std::move(record).value());
  };
  if (is_ndjson(call.http.headers.get("Content-Type").value_or(""), call.http.body)) {
    for_each_line(call.http.body, [&](std::size_t line, std::string_view text) {
      if (++seen > kMaxRecords) return false;
      auto value = parse_json(text);
      if (auto* fault = std::get_if<Fault>(&value)) refuse(line, std::move(*fault));
      else add(line, std::get<json::value>(value), "");
      return true;
    });
  } else {
    auto value = parse_json(call.http.body);
    if (auto* fault = std::get_if<Fault>(&value)) return std::move(*fault);
    const auto& body = std::get<json::value>(value);
    const json::array* many = body.if_array();
    std::string pointer;
    if (const auto* object = body.if_object(); object && object->size() == 1 && object->contains(name)) {
      many = object->at(name).if_array();
      pointer = "/" + name;
    }
    seen = many == nullptr ? 1 : many->size();
    if (seen <= kMaxRecords) {
      if (many == nullptr) add(1, body, "");
      for (std::size_t i = 0; many != nullptr && i < many->size(); ++i)
        add(i + 1, (*many)[i], pointer + "/" + std::to_string(i));
    }
  }
  if (seen > kMaxRecords)
    return Fault{.code = ErrorCode::invalid_argument,
                 .message = "more than " + std::to_string(kMaxRecords) + " " + name + " in one request",
                 .hint = "send them in parts, or use POST /v1/imports"};
  const bool all_or_nothing = flag(call.parameter("all_or_nothing"));
  const bool stored = rejected == 0 || (!all_or_nothing && !records.empty());
  if (stored && !records.empty()) PENCHANT_DO(put(records));
  json::object out{{"accepted", stored ? records.size() : 0}, {"rejected", rejected}, {"errors", std::move(errors)}};
  if (stored) return json::value(std::move(out));
  Fault fault = *first;
  fault.message = std::to_string(rejected) + " of " + std::to_string(rejected + records.size()) + " " + name +
                  " are wrong and none was stored; the first: " + fault.message;
  out["error"] = fault_json(fault);
  return Reply{.status = 400, .body = std::move(out)};
}

}  // namespace penchant::service
