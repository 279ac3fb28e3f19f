#include <algorithm>

#include <boost/json/serialize.hpp>

#include "penchant/service/route.h"
#include "penchant/service/schemas.h"
#include "penchant/service/service.h"

namespace penchant::service {

namespace {

void indent(std::string& out, std::size_t depth) { out += '\n' + std::string(2 * depth, ' '); }

/// Two-space layout, members in their order: a file people can diff.
void lay_out(const json::value& value, std::size_t depth, std::string& out) {
  if (const auto* object = value.if_object(); object && !object->empty()) {
    out += '{';
    bool first = true;
    for (const auto& member : *object) {
      if (!first) out += ',';
      first = false;
      indent(out, depth + 1);
      out += json::serialize(json::value(member.key())) + ": ";
      lay_out(member.value(), depth + 1, out);
    }
    indent(out, depth);
    out += '}';
  } else if (const auto* array = value.if_array(); array && !array->empty() &&
             std::ranges::any_of(*array, [](const json::value& v) { return v.is_structured(); })) {
    out += '[';
    bool first = true;
    for (const auto& element : *array) {
      if (!first) out += ',';
      first = false;
      indent(out, depth + 1);
      lay_out(element, depth + 1, out);
    }
    indent(out, depth);
    out += ']';
  } else {
    out += json::serialize(value);
  }
}

json::object refusal(std::string_view why) {
  return {{"description", why},
          {"content", {{"application/json", {{"schema", {{"$ref", "#/components/schemas/Error"}}}}}}}};
}

json::array parameters(const Route& route, json::object& components) {
  json::array out;
  for (const auto& name : parameters_of(route.path))
    out.push_back({{"name", name}, {"in", "path"}, {"required", true},
                   {"schema", {{"type", "string"}, {"minLength", 1}, {"maxLength", 512}}}});
  for (const auto& parameter : route.query)
    out.push_back({{"name", parameter.name}, {"in", "query"}, {"required", false},
                   {"description", parameter.description},
                   {"schema", to_json_schema(parameter.schema, components)}});
  return out;
}

json::object request_body(const Route& route, json::object& components) {
  json::object content;
  if (route.takes == Body::raw) {
    if (route.body.types != kAny)
      content["application/json"] = {{"schema", to_json_schema(route.body, components)}};
    content["application/octet-stream"] = json::object{};
  } else {
    content["application/json"] = {{"schema", to_json_schema(route.body, components)}};
    if (route.takes == Body::json_or_lines)
      content["application/x-ndjson"] = {{"schema", {{"type", "string"}, {"description", "one JSON object per line"}}}};
  }
  return {{"required", true}, {"content", std::move(content)}};
}

json::object operation(const Route& route, json::object& components) {
  json::object out{{"operationId", route.operation}, {"tags", json::array{route.tag}}, {"summary", route.summary}};
  if (!route.description.empty()) out["description"] = route.description;
  if (auto all = parameters(route, components); !all.empty()) out["parameters"] = std::move(all);
  if (route.takes != Body::none) out["requestBody"] = request_body(route, components);
  json::object ok{{"description", "done"}};
  if (route.produces == "application/json")
    ok["content"] = {{route.produces, {{"schema", to_json_schema(route.answer, components)}}}};
  else
    ok["content"] = {{route.produces, {{"schema", {{"type", "string"}}}}}};
  json::object responses{{std::to_string(route.status), std::move(ok)}};
  if (!route.query.empty() || route.takes != Body::none)
    responses["400"] = refusal("the request is wrong; error.field names the place");
  if (!route.open) responses["401"] = refusal("an API key is set and was not given");
  if (route.path.find('{') != std::string::npos || route.operation == "explain")
    responses["404"] = refusal("there is no such thing");
  if (route.takes != Body::none) responses["413"] = refusal("the body is too large");
  if (route.needs_data) responses["503"] = refusal("loading or overloaded; see Retry-After");
  out["responses"] = std::move(responses);
  if (route.open) out["security"] = json::array{};
  return out;
}

}  // namespace

std::string openapi_document(const std::string& version) {
  json::object components, paths;
  static_cast<void>(to_json_schema(error_schema(), components));  // every route refers to it
  for (const auto& route : all_routes()) {
    auto& path = paths[route.path];
    if (path.is_null()) path.emplace_object();
    std::string method = route.method;
    std::ranges::transform(method, method.begin(), [](char c) { return static_cast<char>(c + 32); });
    path.get_object()[method] = operation(route, components);
  }
  std::vector<std::pair<std::string, json::value>> sorted;
  for (const auto& member : components) sorted.emplace_back(member.key(), member.value());
  std::ranges::sort(sorted, {}, [](const auto& entry) { return entry.first; });
  json::object schemas;
  for (auto& [name, schema] : sorted) schemas[name] = std::move(schema);
  const json::value document{
      {"openapi", "3.1.0"},
      {"info", {{"title", "Penchant"}, {"version", version},
                {"description", "Personalization from your catalogue and events: recommendations, search, "
                                "reasons. Errors are {\"error\": {code, message, field, hint}}; answers of a "
                                "route carry X-Request-Id."},
                {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
      {"servers", {{{"url", "http://127.0.0.1:7600"}}}},
      {"security", {{{"bearer", json::array{}}}, {{"key", json::array{}}}}},
      {"paths", std::move(paths)},
      {"components", {{"schemas", std::move(schemas)},
                      {"securitySchemes", {{"bearer", {{"type", "http"}, {"scheme", "bearer"}}},
                                           {"key", {{"type", "apiKey"}, {"in", "header"}, {"name", "X-API-Key"}}}}}}}};
  std::string out;
  lay_out(document, 0, out);
  return out + "\n";
}

}  // namespace penchant::service
