#pragma once
/// \file What a JSON value must look like: one description that checks requests and writes the
/// OpenAPI document, so that the two cannot differ. Private to service (shows Boost.JSON).
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "penchant/service/fault.h"

namespace penchant::service {

namespace json = boost::json;

struct Property;

/// Types that a value may have, as bits.
enum Type : unsigned {
  kNull = 1, kBoolean = 2, kInteger = 4, kNumber = 8, kText = 16, kArray = 32, kObject = 64,
  kAny = 127
};

/// A subset of JSON Schema. Immutable after building; copies share nothing mutable.
struct Schema {
  unsigned types = kAny;
  std::string name;           ///< component name; empty: written in place
  std::string description;
  double minimum = -std::numeric_limits<double>::infinity();
  double maximum = std::numeric_limits<double>::infinity();
  std::size_t min_length = 0;                                          ///< of texts, in bytes
  std::size_t max_length = std::numeric_limits<std::size_t>::max();    ///< of texts, in bytes
  std::size_t max_items = std::numeric_limits<std::size_t>::max();
  std::vector<std::string> values;                 ///< the only texts allowed; empty: all
  std::shared_ptr<const Schema> items;             ///< elements of arrays; null: anything
  std::vector<Property> properties;                ///< members of objects
  std::shared_ptr<const Schema> others;            ///< members not in `properties`; null: refused
  json::value fallback;                            ///< default, for the document only; null: none
  json::value example;                             ///< for the document only; null: none

  Schema named(std::string component) const&;
  Schema about(std::string text) const&;
  Schema defaulting(json::value value) const&;
  Schema nullable() const&;
  /// The value as an alternative to what is allowed already (its limits are taken over).
  Schema or_types(unsigned more) const&;
};

struct Property {
  std::string name;
  Schema schema;
  bool required = false;
};

// Builders.
Schema any_value();
Schema boolean();
Schema integer(double minimum, double maximum);
Schema number(double minimum = -std::numeric_limits<double>::infinity(),
              double maximum = std::numeric_limits<double>::infinity());
Schema text(std::size_t max_length, std::size_t min_length = 0);
Schema choice(std::vector<std::string> values);
/// Key of an item or user: a text; an integer is read as its digits.
Schema id();
Schema list(Schema element, std::size_t max_items);
Schema object(std::vector<Property> properties);
Schema map_of(Schema element);
Property need(std::string name, Schema schema, std::string description);
Property may(std::string name, Schema schema, std::string description);

/// The first thing in `value` that breaks `schema`, with its JSON pointer (below `pointer`), what
/// was expected, and near names for an unknown field; nullopt when all is well.
[[nodiscard]] std::optional<Fault> check(const json::value& value, const Schema& schema,
                                         const std::string& pointer = "");

/// JSON Schema (2020-12) of `schema`; named schemas become references to `components`, which
/// receives each of them once.
[[nodiscard]] json::value to_json_schema(const Schema& schema, json::object& components);

/// Escapes one member name for a JSON pointer (RFC 6901).
[[nodiscard]] std::string pointer_part(std::string_view name);

}  // namespace penchant::service
