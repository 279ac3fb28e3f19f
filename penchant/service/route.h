#pragma once
/// \file The table of routes: one row says what a request must look like, who may send it, what
/// comes back, and who answers. Requests are checked and /openapi.json is written from it.
/// Private to service.
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "penchant/net/message.h"
#include "penchant/service/fault.h"
#include "penchant/service/schema.h"

namespace penchant::service {

struct ServiceState;

/// A request that has passed the checks of its route.
struct Call {
  const net::Request& http;
  std::string request_id;
  std::vector<std::string> path;   ///< decoded values of the {…} of the template, in order
  json::object query;              ///< given parameters, of the types their schemas ask for
  json::value body;                ///< null where the route takes none, or takes it raw

  [[nodiscard]] const json::value* parameter(std::string_view name) const { return query.if_contains(name); }
};

struct Reply {
  int status = 200;
  json::value body;          ///< written as JSON, unless `text` is set
  std::optional<std::string> text;
  std::string text_type;     ///< content type of `text`
  net::Headers headers;
};

/// Reply or Fault; PENCHANT_TRY may be used in a function that returns it.
class Answer {
 public:
  Answer(Reply reply) : state_(std::move(reply)) {}                         // NOLINT: implicit
  Answer(Fault fault) : state_(std::move(fault)) {}                         // NOLINT: implicit
  Answer(Error error) : state_(fault_of(std::move(error))) {}               // NOLINT: implicit
  Answer(json::value body) : state_(Reply{.body = std::move(body)}) {}      // NOLINT: implicit
  [[nodiscard]] Reply* reply() { return std::get_if<Reply>(&state_); }
  [[nodiscard]] Fault* fault() { return std::get_if<Fault>(&state_); }

 private:
  std::variant<Reply, Fault> state_;
};

enum class Body : std::uint8_t { none, json, json_or_lines, raw };

struct Parameter {
  std::string name;
  Schema schema;
  std::string description;
};

struct Route {
  std::string method;        ///< GET also answers HEAD
  std::string path;          ///< template: "/v1/items/{id}", "/admin/v1/models/{name}:promote"
  std::string operation;     ///< operationId
  std::string tag;
  std::string summary;
  std::string description;   ///< may be empty
  bool open = false;         ///< answered without a key
  bool needs_data = true;    ///< 503 until the catalogue is loaded
  std::vector<Parameter> query = {};
  Body takes = Body::none;
  Schema body = {};          ///< of a JSON body
  int status = 200;          ///< of success
  std::string produces = "application/json";
  Schema answer = {};        ///< of a JSON answer
  Answer (*handler)(ServiceState&, const Call&) = nullptr;
};

/// Every route of the service, in the order of the document.
[[nodiscard]] const std::vector<Route>& all_routes();

// The parts of the table; each lives beside its handlers.
void add_item_routes(std::vector<Route>& routes);
void add_user_routes(std::vector<Route>& routes);
void add_event_routes(std::vector<Route>& routes);
void add_recommend_routes(std::vector<Route>& routes);
void add_model_routes(std::vector<Route>& routes);
void add_semantic_id_routes(std::vector<Route>& routes);
void add_task_routes(std::vector<Route>& routes);
void add_operation_routes(std::vector<Route>& routes);

/// Values of the {…} when `path` (still encoded) fits the template, decoded; a parameter is one
/// path segment, or one up to a literal that follows it ("{name}:promote").
[[nodiscard]] std::optional<std::vector<std::string>> match(std::string_view path_template, std::string_view path);

struct Match {
  const Route* route = nullptr;          ///< null: no route
  std::vector<std::string> path;
  std::vector<std::string> allowed;      ///< methods of this path, when only the method is wrong
};
/// HEAD is looked up as GET. Literal segments win over parameters.
[[nodiscard]] Match find_route(std::string_view method, std::string_view path);

/// "{id}" names of a template in order.
[[nodiscard]] std::vector<std::string> parameters_of(std::string_view path_template);

}  // namespace penchant::service
