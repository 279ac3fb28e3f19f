#include "penchant/service/json_values.h"

#include <algorithm>
#include <cmath>

#include <boost/json/parse.hpp>

#include "penchant/catalog/json.h"
#include "penchant/catalog/time.h"

namespace penchant::service {

const json::value* member(const json::object& object, std::string_view name) {
  const auto* found = object.if_contains(name);
  return found == nullptr || found->is_null() ? nullptr : found;
}

std::string id_text(const json::value& value) {
  if (value.is_string()) return std::string(view(value.get_string()));
  if (value.is_uint64()) return std::to_string(value.get_uint64());
  return std::to_string(value.to_number<std::int64_t>());
}

std::vector<std::string> id_texts(const json::value* list) {
  std::vector<std::string> out;
  if (list == nullptr) return out;
  for (const auto& element : list->get_array()) out.push_back(id_text(element));
  return out;
}

bool flag(const json::value* value, bool otherwise) { return value == nullptr ? otherwise : value->get_bool(); }

std::string text_or(const json::value* value, std::string_view otherwise) {
  return std::string(value == nullptr ? otherwise : view(value->get_string()));
}

json::value parsed(std::string_view text) {
  json::error_code ec;
  json::parse_options options;
  options.max_depth = 64;
  auto value = json::parse(text, ec, {}, options);
  if (ec) return nullptr;
  return value;
}

json::value iso_time(std::int64_t time_ms) {
  if (time_ms == 0) return nullptr;
  return json::value(catalog::format_time(time_ms));
}

namespace {
json::value attribute_json(const catalog::AttributeValue& value) {
  if (const auto* number = std::get_if<double>(&value)) {
    if (std::nearbyint(*number) == *number && std::fabs(*number) < 1e15) return static_cast<std::int64_t>(*number);
    return *number;
  }
  if (const auto* yes = std::get_if<bool>(&value)) return *yes;
  if (const auto* text = std::get_if<std::string>(&value)) return json::value(*text);
  const auto& list = std::get<std::vector<std::string>>(value);
  return json::array(list.begin(), list.end());
}
}  // namespace

json::value attributes_json(const catalog::Attributes& attributes) {
  json::object out;
  for (const auto& [name, value] : attributes) out[name] = attribute_json(value);
  return out;
}

json::object fields_of(const catalog::Item& item, const std::vector<std::string>& selection) {
  const auto chosen = [&](const std::string& name) {
    return selection.empty() || std::ranges::find(selection, name) != selection.end();
  };
  json::object out;
  if (chosen("title")) out["title"] = item.title;
  for (const auto& [name, value] : item.attributes)
    if (chosen(name)) out[name] = attribute_json(value);
  return out;
}

json::value item_json(const catalog::Item& item, bool with_vectors) {
  json::object out;
  out["id"] = item.id;
  out["title"] = item.title;
  out["attributes"] = attributes_json(item.attributes);
  if (with_vectors && !item.vectors.empty()) {
    json::object vectors;
    for (const auto& vector : item.vectors) vectors[vector.modality] = json::array(vector.values.begin(), vector.values.end());
    out["vectors"] = std::move(vectors);
  }
  out["available"] = item.available;
  out["created"] = iso_time(item.created_ms);
  return out;
}

json::object fault_json(const Fault& fault) {
  json::object out;
  out["code"] = name_of(fault.code);
  out["message"] = fault.message;
  if (!fault.field.empty()) out["field"] = fault.field;
  if (!fault.hint.empty()) out["hint"] = fault.hint;
  return out;
}

std::string token_text(const std::vector<std::uint16_t>& codes) {
  std::string out;
  for (std::size_t level = 0; level < codes.size(); ++level)
    out += std::string("<") + static_cast<char>('a' + level % 26) + "_" + std::to_string(codes[level]) + ">";
  return out;
}

json::array codes_json(const std::vector<std::uint16_t>& codes) {
  json::array out;
  for (const unsigned code : codes) out.emplace_back(code);
  return out;
}

}  // namespace penchant::service
