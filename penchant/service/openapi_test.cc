#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "penchant/service/route.h"
#include "penchant/service/schemas.h"
#include "penchant/service/service.h"

namespace penchant::service {
namespace {

constexpr const char* kVersion = "0.1.0";

json::value document() { return json::parse(openapi_document(kVersion)); }

void collect_references(const json::value& value, std::set<std::string>& out) {
  if (const auto* object = value.if_object()) {
    for (const auto& member : *object) {
      if (member.key() == "$ref") out.insert(std::string(member.value().get_string().c_str()));
      collect_references(member.value(), out);
    }
  }
  if (const auto* array = value.if_array())
    for (const auto& element : *array) collect_references(element, out);
}

TEST(OpenApi, HoldsEveryRouteAndNothingElse) {
  const auto doc = document();
  std::size_t operations = 0;
  for (const auto& path : doc.at("paths").get_object()) operations += path.value().get_object().size();
  EXPECT_EQ(operations, all_routes().size());
  for (const auto& route : all_routes()) {
    std::string method = route.method;
    for (char& c : method) c = static_cast<char>(std::tolower(c));
    const auto* path = doc.at("paths").get_object().if_contains(route.path);
    ASSERT_NE(path, nullptr) << route.path;
    const auto* operation = path->get_object().if_contains(method);
    ASSERT_NE(operation, nullptr) << method << route.path;
    EXPECT_EQ(operation->at("operationId").get_string(), route.operation);
  }
}

TEST(OpenApi, IsWellFormed) {
  const auto doc = document();
  EXPECT_EQ(doc.at("openapi").get_string(), "3.1.0");
  EXPECT_EQ(doc.at("info").at("version").get_string(), kVersion);
  EXPECT_TRUE(doc.at("servers").is_array());
  EXPECT_TRUE(doc.at("security").is_array());
  std::set<std::string> names, operations;
  for (const auto& path : doc.at("paths").get_object()) {
    EXPECT_TRUE(path.key().starts_with('/'));
    for (const auto& entry : path.value().get_object()) {
      const auto& operation = entry.value().get_object();
      EXPECT_TRUE(operations.insert(std::string(operation.at("operationId").get_string().c_str())).second) << path.key();
      EXPECT_TRUE(operation.at("tags").is_array());
      EXPECT_FALSE(operation.at("summary").get_string().empty());
      bool success = false;
      for (const auto& response : operation.at("responses").get_object()) {
        success = success || response.key().starts_with('2');
        EXPECT_TRUE(response.value().get_object().contains("description"));
      }
      EXPECT_TRUE(success) << path.key();
      // Every {…} of the path is a parameter, and the other way round.
      std::set<std::string> declared;
      if (const auto* parameters = operation.if_contains("parameters"))
        for (const auto& parameter : parameters->get_array())
          if (parameter.at("in").get_string() == "path") {
            EXPECT_TRUE(parameter.at("required").get_bool());
            declared.insert(std::string(parameter.at("name").get_string().c_str()));
          }
      const auto wanted = parameters_of({path.key().data(), path.key().size()});
      EXPECT_EQ(declared, std::set<std::string>(wanted.begin(), wanted.end()));
    }
  }
  std::set<std::string> references;
  collect_references(doc, references);
  for (const auto& reference : references) {
    json::error_code ec;
    EXPECT_NE(doc.find_pointer(reference.substr(1), ec), nullptr) << reference;
  }
  for (const auto& component : doc.at("components").at("schemas").get_object())
    EXPECT_TRUE(references.contains("#/components/schemas/" + std::string(component.key()))) << component.key();
}

TEST(OpenApi, ExamplesPassTheirSchemas) {
  for (const Schema* schema : {&recommend_request_schema(), &event_schema(), &item_schema()}) {
    ASSERT_FALSE(schema->example.is_null());
    EXPECT_FALSE(check(schema->example, *schema)) << schema->name;
  }
}

// To write the file after a change of the table: PENCHANT_WRITE_OPENAPI=1 service_test --gtest_filter=OpenApi.*
TEST(OpenApi, TheFileOfTheRepositoryIsUpToDate) {
  const std::string path = std::string(PENCHANT_SOURCE_DIR) + "/docs/openapi.json";
  if (std::getenv("PENCHANT_WRITE_OPENAPI") != nullptr) std::ofstream(path) << openapi_document(kVersion);
  std::ifstream in(path);
  const std::string stored{std::istreambuf_iterator<char>(in), {}};
  EXPECT_TRUE(stored == openapi_document(kVersion)) << "docs/openapi.json differs from the table of routes";
}

TEST(Routes, EveryRouteHasAHandlerAndWinsItsOwnPath) {
  for (const auto& route : all_routes()) {
    EXPECT_NE(route.handler, nullptr) << route.path;
    std::string path = route.path;
    for (const auto& name : parameters_of(route.path)) path.replace(path.find("{" + name + "}"), name.size() + 2, "x%2Fy");
    const auto found = find_route(route.method, path);
    ASSERT_NE(found.route, nullptr) << path;
    EXPECT_EQ(found.route->operation, route.operation) << path;
    for (const auto& value : found.path) EXPECT_EQ(value, "x/y");
  }
}

TEST(Routes, TemplatesMatchWholeSegments) {
  EXPECT_TRUE(match("/v1/items/{id}", "/v1/items/a"));
  EXPECT_FALSE(match("/v1/items/{id}", "/v1/items/"));
  EXPECT_FALSE(match("/v1/items/{id}", "/v1/items/a/b"));
  EXPECT_FALSE(match("/v1/items/{id}", "/v1/item/a"));
  EXPECT_EQ(match("/m/{name}:promote", "/m/r1%3Apromote"), std::vector<std::string>{"r1"});
  EXPECT_FALSE(match("/m/{name}:promote", "/m/:promote"));
  EXPECT_EQ(find_route("GET", "/admin/v1/semantic-ids/report").route->operation, "semanticIdReport");
  EXPECT_EQ(find_route("DELETE", "/v1/recommend").allowed, std::vector<std::string>{"POST"});
}

}  // namespace
}  // namespace penchant::service
