#pragma once
/// \file Between JSON values that have passed their schema and the types of the engine. Private to
/// service.
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "penchant/catalog/item.h"
#include "penchant/service/fault.h"

namespace penchant::service {

namespace json = boost::json;

[[nodiscard]] inline std::string_view view(json::string_view text) { return {text.data(), text.size()}; }
/// Member of that name that is there and not null.
[[nodiscard]] const json::value* member(const json::object& object, std::string_view name);
/// A text, or an integer as its digits.
[[nodiscard]] std::string id_text(const json::value& value);
[[nodiscard]] std::vector<std::string> id_texts(const json::value* list);
[[nodiscard]] bool flag(const json::value* value, bool otherwise = false);
[[nodiscard]] std::string text_or(const json::value* value, std::string_view otherwise = "");

/// Text of our own writers as a value; null when it is not JSON.
[[nodiscard]] json::value parsed(std::string_view text);
/// ISO 8601, or null for 0.
[[nodiscard]] json::value iso_time(std::int64_t time_ms);
/// Title and attributes; only those named when `selection` is not empty.
[[nodiscard]] json::object fields_of(const catalog::Item& item, const std::vector<std::string>& selection);
[[nodiscard]] json::value attributes_json(const catalog::Attributes& attributes);
/// {"id", "title", "attributes", "available", "created"}.
[[nodiscard]] json::value item_json(const catalog::Item& item, bool with_vectors);
[[nodiscard]] json::object fault_json(const Fault& fault);
/// "<a_1><b_2><c_3>".
[[nodiscard]] std::string token_text(const std::vector<std::uint16_t>& codes);
[[nodiscard]] json::array codes_json(const std::vector<std::uint16_t>& codes);

}  // namespace penchant::service
