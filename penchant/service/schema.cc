#include "penchant/service/schema.h"

#include <algorithm>
#include <cmath>

#include "penchant/catalog/text_form.h"

namespace penchant::service {

namespace {

constexpr std::pair<Type, std::string_view> kTypeNames[] = {
    {kNull, "null"}, {kBoolean, "boolean"}, {kInteger, "integer"}, {kNumber, "number"},
    {kText, "string"}, {kArray, "array"}, {kObject, "object"}};

unsigned type_of(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return kNull;
    case json::kind::bool_: return kBoolean;
    case json::kind::int64:
    case json::kind::uint64: return kInteger;
    case json::kind::double_: return kNumber;
    case json::kind::string: return kText;
    case json::kind::array: return kArray;
    case json::kind::object: return kObject;
  }
  return kNull;
}

std::string type_names(unsigned types) {
  std::string out;
  for (const auto& [type, name] : kTypeNames) {
    if (!(types & type)) continue;
    if (type == kInteger && (types & kNumber)) continue;
    if (!out.empty()) out += " or ";
    out += name;
  }
  return out;
}

std::string_view view(json::string_view text) { return {text.data(), text.size()}; }

Fault wrong(const std::string& pointer, std::string message, std::string hint = {}) {
  return {.code = ErrorCode::invalid_argument, .message = std::move(message), .field = pointer,
          .hint = std::move(hint)};
}

std::string place(const std::string& pointer) { return pointer.empty() ? "the body" : pointer; }

std::optional<Fault> check_number(const json::value& value, const Schema& schema, const std::string& pointer) {
  const double x = value.to_number<double>();
  if (!std::isfinite(x)) return wrong(pointer, place(pointer) + " is too large a number");
  if (x >= schema.minimum && x <= schema.maximum) return std::nullopt;
  std::string wanted;
  if (std::isfinite(schema.minimum) && std::isfinite(schema.maximum))
    wanted = "between " + catalog::number_text(schema.minimum) + " and " + catalog::number_text(schema.maximum);
  else if (std::isfinite(schema.minimum))
    wanted = "at least " + catalog::number_text(schema.minimum);
  else
    wanted = "at most " + catalog::number_text(schema.maximum);
  return wrong(pointer, place(pointer) + " must be " + wanted + ", not " + catalog::number_text(x));
}

std::optional<Fault> check_text(std::string_view value, const Schema& schema, const std::string& pointer) {
  if (value.size() < schema.min_length)
    return wrong(pointer, place(pointer) + (value.empty() ? " must not be empty"
        : " must have at least " + std::to_string(schema.min_length) + " bytes"));
  if (value.size() > schema.max_length)
    return wrong(pointer, place(pointer) + " has " + std::to_string(value.size()) + " bytes; at most " +
                              std::to_string(schema.max_length) + " are accepted");
  if (!schema.values.empty() && std::ranges::find(schema.values, value) == schema.values.end()) {
    std::string known;
    for (const auto& one : schema.values) known += (known.empty() ? "\"" : ", \"") + one + "\"";
    return wrong(pointer, place(pointer) + " must be one of " + known + ", not \"" +
                              catalog::quoted_for_message(value) + "\"");
  }
  return std::nullopt;
}

std::optional<Fault> check_object(const json::object& value, const Schema& schema, const std::string& pointer) {
  for (const auto& member : value) {
    const std::string_view name = view(member.key());
    const auto known = std::ranges::find(schema.properties, name, &Property::name);
    const std::string below = pointer + "/" + pointer_part(name);
    if (known != schema.properties.end()) {
      if (auto fault = check(member.value(), known->schema, below)) return fault;
    } else if (schema.others) {
      if (auto fault = check(member.value(), *schema.others, below)) return fault;
    } else {
      std::vector<std::string> names;
      for (const auto& property : schema.properties) names.push_back(property.name);
      std::string all;
      for (const auto& one : names) all += (all.empty() ? "" : ", ") + one;
      const auto near = catalog::near_names(name, names, 1);
      return wrong(below, "unknown field \"" + catalog::quoted_for_message(name) + "\"",
                   (near.empty() ? "" : "did you mean \"" + near[0] + "\"? ") + ("known fields: " + all));
    }
  }
  for (const auto& property : schema.properties)
    if (property.required && !value.contains(property.name))
      return wrong(pointer + "/" + pointer_part(property.name), "the field \"" + property.name + "\" is missing",
                   property.schema.description);
  return std::nullopt;
}

}  // namespace

Schema Schema::named(std::string component) const& {
  Schema out = *this;
  out.name = std::move(component);
  return out;
}
Schema Schema::about(std::string what) const& {
  Schema out = *this;
  out.description = std::move(what);
  return out;
}
Schema Schema::defaulting(json::value value) const& {
  Schema out = *this;
  out.fallback = std::move(value);
  return out;
}
Schema Schema::nullable() const& { return or_types(kNull); }
Schema Schema::or_types(unsigned more) const& {
  Schema out = *this;
  out.types |= more;
  return out;
}

Schema any_value() { return {}; }
Schema boolean() { return {.types = kBoolean}; }
Schema integer(double minimum, double maximum) {
  return {.types = kInteger, .minimum = minimum, .maximum = maximum};
}
Schema number(double minimum, double maximum) {
  return {.types = kInteger | kNumber, .minimum = minimum, .maximum = maximum};
}
Schema text(std::size_t max_length, std::size_t min_length) {
  return {.types = kText, .min_length = min_length, .max_length = max_length};
}
Schema choice(std::vector<std::string> values) { return {.types = kText, .values = std::move(values)}; }
Schema id() { return {.types = kText | kInteger, .min_length = 1, .max_length = 512}; }
Schema list(Schema element, std::size_t max_items) {
  return {.types = kArray, .max_items = max_items, .items = std::make_shared<Schema>(std::move(element))};
}
Schema object(std::vector<Property> properties) {
  return {.types = kObject, .properties = std::move(properties)};
}
Schema map_of(Schema element) {
  return {.types = kObject, .others = std::make_shared<Schema>(std::move(element))};
}
Property need(std::string name, Schema schema, std::string description) {
  if (!description.empty() && schema.name.empty()) schema.description = std::move(description);
  return {std::move(name), std::move(schema), true};
}
Property may(std::string name, Schema schema, std::string description) {
  auto out = need(std::move(name), std::move(schema), std::move(description));
  out.required = false;
  return out;
}

std::string pointer_part(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '~') out += "~0";
    else if (c == '/') out += "~1";
    else out += c;
  }
  return catalog::quoted_for_message(out, 120);
}

std::optional<Fault> check(const json::value& value, const Schema& schema, const std::string& pointer) {
  const unsigned type = type_of(value);
  const unsigned fits = type == kInteger ? kInteger | kNumber : type;
  if (!(schema.types & fits)) {
    // 3.0 is an integer too, as in JSON Schema; up to 2^53 it is sure which.
    const bool whole = type == kNumber && (schema.types & kInteger) && std::fabs(value.get_double()) <= 0x1p53 &&
                       std::nearbyint(value.get_double()) == value.get_double();
    if (!whole)
      return wrong(pointer, place(pointer) + " must be " + type_names(schema.types) + ", not " + type_names(type));
  }
  switch (type) {
    case kInteger:
    case kNumber: return check_number(value, schema, pointer);
    case kText: return check_text(view(value.get_string()), schema, pointer);
    case kArray: {
      const auto& array = value.get_array();
      if (array.size() > schema.max_items)
        return wrong(pointer, place(pointer) + " has " + std::to_string(array.size()) + " elements; at most " +
                                  std::to_string(schema.max_items) + " are accepted");
      if (!schema.items) return std::nullopt;
      for (std::size_t i = 0; i < array.size(); ++i)
        if (auto fault = check(array[i], *schema.items, pointer + "/" + std::to_string(i))) return fault;
      return std::nullopt;
    }
    case kObject:
      if (schema.types == kAny) return std::nullopt;
      return check_object(value.get_object(), schema, pointer);
    default: return std::nullopt;
  }
}

json::value to_json_schema(const Schema& schema, json::object& components) {
  if (!schema.name.empty()) {
    if (!components.contains(schema.name)) {
      components[schema.name] = nullptr;  // holds the place, in case it refers to itself
      Schema inner = schema;
      inner.name.clear();
      components[schema.name] = to_json_schema(inner, components);
    }
    return {{"$ref", "#/components/schemas/" + schema.name}};
  }
  json::object out;
  if (!schema.description.empty()) out["description"] = schema.description;
  if (schema.types != kAny) {
    json::array types;
    for (const auto& [type, name] : kTypeNames)
      if ((schema.types & type) && !(type == kInteger && (schema.types & kNumber))) types.emplace_back(name);
    out["type"] = types.size() == 1 ? types[0] : json::value(types);
  }
  if (std::isfinite(schema.minimum)) out["minimum"] = std::nearbyint(schema.minimum) == schema.minimum
      ? json::value(static_cast<std::int64_t>(schema.minimum)) : json::value(schema.minimum);
  if (std::isfinite(schema.maximum)) out["maximum"] = std::nearbyint(schema.maximum) == schema.maximum
      ? json::value(static_cast<std::int64_t>(schema.maximum)) : json::value(schema.maximum);
  constexpr auto kNone = std::numeric_limits<std::size_t>::max();
  if (schema.min_length > 0) out["minLength"] = schema.min_length;
  if (schema.max_length != kNone) out["maxLength"] = schema.max_length;
  if (schema.max_items != kNone) out["maxItems"] = schema.max_items;
  if (!schema.values.empty()) {
    json::array values(schema.values.begin(), schema.values.end());
    if (schema.types & kBoolean) values.insert(values.end(), {true, false});
    if (schema.types & kNull) values.emplace_back(nullptr);
    out["enum"] = std::move(values);
  }
  if (schema.items) out["items"] = to_json_schema(*schema.items, components);
  if (schema.types & kObject && schema.types != kAny) {
    json::object properties;
    json::array required;
    for (const auto& property : schema.properties) {
      properties[property.name] = to_json_schema(property.schema, components);
      if (property.required) required.emplace_back(property.name);
    }
    if (!properties.empty()) out["properties"] = std::move(properties);
    if (!required.empty()) out["required"] = std::move(required);
    out["additionalProperties"] = schema.others ? to_json_schema(*schema.others, components) : json::value(false);
  }
  if (!schema.fallback.is_null()) out["default"] = schema.fallback;
  if (!schema.example.is_null()) out["examples"] = json::array{schema.example};
  return out;
}

}  // namespace penchant::service
