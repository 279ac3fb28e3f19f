#include "penchant/service/service.h"

#include <algorithm>
#include <random>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "penchant/catalog/text_form.h"
#include "penchant/net/static_files.h"
#include "penchant/net/url.h"
#include "penchant/service/json_text.h"
#include "penchant/service/json_values.h"
#include "penchant/service/json_writer.h"
#include "penchant/service/route.h"
#include "penchant/service/state.h"

namespace penchant::service {

namespace {

constexpr std::string_view kNoConsole =
    "<!doctype html><title>Penchant</title><h1>Penchant is running</h1><p>The console is not built. "
    "The API is described at <a href=\"/openapi.json\">/openapi.json</a>.</p>\n";

std::uint64_t seed_of(const ServiceOptions& options) {
  if (options.id_seed != 0) return options.id_seed;
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) | device();
}

/// Takes the same time wherever the two differ.
bool same_secret(std::string_view given, std::string_view wanted) {
  unsigned char difference = given.size() == wanted.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i)
    difference |= static_cast<unsigned char>(given[i] ^ (wanted.empty() ? 0 : wanted[i % wanted.size()]));
  return difference == 0;
}

std::string_view host_of(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(0, authority.find(']') + 1);
  return authority.substr(0, authority.rfind(':') == std::string_view::npos ? authority.size() : authority.rfind(':'));
}

void declare_metrics(Metrics& metrics) {
  using Kind = Metrics::Kind;
  const std::vector<double> seconds{0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10};
  const std::vector<double> stages{0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1};
  metrics.declare("penchant_http_request_seconds", Kind::histogram,
                  "time from the end of the request head to the answer, by route, method and status", seconds);
  metrics.declare("penchant_recommend_stage_seconds", Kind::histogram, "time of one stage of a recommendation", stages);
  metrics.declare("penchant_degraded_total", Kind::counter, "optional parts that were asked for and did not run");
  metrics.declare("penchant_events_accepted_total", Kind::counter, "events stored");
  metrics.declare("penchant_events_duplicate_total", Kind::counter, "events without effect: key seen before");
  metrics.declare("penchant_events_rejected_total", Kind::counter, "events refused as wrong");
  metrics.declare("penchant_items", Kind::gauge, "items of the catalogue");
  metrics.declare("penchant_users", Kind::gauge, "users");
  metrics.declare("penchant_events", Kind::gauge, "stored events");
  metrics.declare("penchant_release_info", Kind::gauge, "1 for the live release");
  metrics.declare("penchant_ready", Kind::gauge, "1 when catalogue and release are loaded");
  metrics.declare("penchant_tasks", Kind::gauge, "imports and trainings, by state");
  metrics.declare("penchant_http_connections", Kind::gauge, "open connections");
  metrics.declare("penchant_http_queued", Kind::gauge, "requests that wait for a worker");
  metrics.declare("penchant_http_connections_accepted", Kind::gauge, "connections since the start");
  metrics.declare("penchant_http_refused", Kind::gauge, "requests refused by the server itself since the start");
}

net::Response error_response(const Fault& fault) {
  net::Response response{.status = fault.status != 0 ? fault.status : status_of(fault.code)};
  response.headers.add("Content-Type", "application/json");
  if (response.status == 503 || response.status == 429) response.headers.add("Retry-After", "1");
  response.body = json::serialize(json::object{{"error", fault_json(fault)}}) + "\n";
  return response;
}

/// A query parameter as its schema wants it.
json::value parameter_value(const std::string& text, const Schema& schema) {
  if (schema.types & Type::kText) return json::value(text);
  if (schema.types & kBoolean) {
    if (text == "true" || text == "1" || text.empty()) return true;  // "?vectors" alone means yes
    if (text == "false" || text == "0") return false;
    return json::value(text);
  }
  double number = 0;
  if (catalog::parse_number(text, number)) {
    if (number == static_cast<double>(static_cast<std::int64_t>(number))) return static_cast<std::int64_t>(number);
    return number;
  }
  return json::value(text);
}

std::optional<Fault> read_query(const Route& route, const net::Request& request, json::object& out) {
  for (const auto& [name, value] : request.query) {
    const auto known = std::ranges::find(route.query, name, &Parameter::name);
    if (known == route.query.end()) {
      std::vector<std::string> names;
      for (const auto& parameter : route.query) names.push_back(parameter.name);
      return Fault{.code = ErrorCode::invalid_argument,
                   .message = "unknown query parameter \"" + catalog::quoted_for_message(name) + "\"" +
                              catalog::near_names_hint(name, names),
                   .field = "?" + catalog::quoted_for_message(name)};
    }
    if (!catalog::valid_utf8(value))
      return Fault{.code = ErrorCode::invalid_argument, .message = "?" + name + " is not UTF-8", .field = "?" + name};
    json::value read = parameter_value(value, known->schema);
    if (auto fault = check(read, known->schema, "?" + name)) return fault;
    out[name] = std::move(read);
  }
  return std::nullopt;
}

}  // namespace

ServiceState::ServiceState(ServiceOptions opts, TaskRunner& tasks_runner, const Clock& time, std::uint64_t seed)
    : options(std::move(opts)), runner(tasks_runner), clock(time), ids(seed), tasks(time) {
  declare_metrics(metrics);
}

struct Service::Impl {
  Impl(ServiceOptions options, TaskRunner& runner, const Clock& clock)
      : state(options, runner, clock, seed_of(options)) {
    if (options.console_dir.empty()) return;
    auto files = net::StaticFiles::load(options.console_dir);
    if (files.ok()) console = std::move(files).value();
  }

  /// Why this request may not pass, before its body is read; nullopt: it may.
  std::optional<Fault> denied(const net::Request& request, const Route* route) {
    const auto& key = state.options.api_key;
    if (!key.empty()) {
      if (route == nullptr || route->open) return std::nullopt;
      std::string_view given = request.headers.get("X-API-Key").value_or("");
      if (const auto header = request.headers.get("Authorization"))
        if (header->size() > 7 && net::same_ignoring_case(header->substr(0, 7), "Bearer ")) given = header->substr(7);
      if (same_secret(given, key)) return std::nullopt;
      return Fault{.code = ErrorCode::invalid_argument,
                   .message = given.empty() ? "an API key is needed" : "the API key is wrong",
                   .hint = "send it as \"Authorization: Bearer KEY\" or \"X-API-Key: KEY\"", .status = 401};
    }
    // Without a key only programs of this machine may ask. A web page from elsewhere runs in a
    // browser of this machine too: it shows itself by its name in Host (DNS rebinding) or Origin.
    const std::string_view host = host_of(request.headers.get("Host").value_or("localhost"));
    const bool local = host == "localhost" || host == "127.0.0.1" || host == "[::1]" || host.starts_with("127.") ||
                       std::ranges::find(state.options.allowed_hosts, host) != state.options.allowed_hosts.end();
    if (!local)
      return Fault{.code = ErrorCode::invalid_argument,
                   .message = "the name \"" + catalog::quoted_for_message(host) + "\" in Host is not known here",
                   .hint = "ask as 127.0.0.1, set an API key, or allow the name with --allow-host", .status = 403};
    const auto origin = request.headers.get("Origin");
    const bool changes = request.method != "GET" && request.method != "HEAD";
    if (changes && origin && origin->substr(std::min(origin->find("//") + 2, origin->size())) != request.headers.get("Host"))
      return Fault{.code = ErrorCode::invalid_argument, .message = "requests of other web pages are not taken without an API key",
                   .hint = "set an API key and send it", .status = 403};
    return std::nullopt;
  }

  Fault no_route(const net::Request& request, const Match& match, net::Response& response) const {
    if (!match.allowed.empty()) {
      std::string allow;
      for (const auto& method : match.allowed) allow += (allow.empty() ? "" : ", ") + method;
      response.headers.add("Allow", allow);
      return {.code = ErrorCode::invalid_argument, .message = request.method + " is not possible here; " + allow + " is", .status = 405};
    }
    std::vector<std::string> known;
    for (const auto& route : all_routes()) known.push_back(route.path);
    return {.code = ErrorCode::not_found,
            .message = "there is no " + catalog::quoted_for_message(request.path, 120) + catalog::near_names_hint(request.path, known),
            .hint = "all routes: GET /openapi.json"};
  }

  /// The console, or a 404 or 405.
  net::Response elsewhere(const net::Request& request, const Match& match) {
    const bool api = request.path.starts_with("/v1") || request.path.starts_with("/admin/") || !match.allowed.empty();
    if (!api && console)
      if (auto file = console->answer(request)) return std::move(*file);
    if (!api && !console && request.path == "/" && (request.method == "GET" || request.method == "HEAD"))
      return {.headers = {{"Content-Type", "text/html; charset=utf-8"}}, .body = std::string(kNoConsole)};
    net::Response extra;
    net::Response response = error_response(no_route(request, match, extra));
    for (const auto& [name, value] : extra.headers.fields()) response.headers.add(name, value);
    return response;
  }

  Answer run(const Route& route, Call& call) {
    if (route.needs_data && !state.ready.load()) {
      const std::lock_guard lock(state.mutex);
      return Fault{.code = ErrorCode::unavailable,
                   .message = state.load_error.empty() ? "the catalogue is being loaded"
                                                       : "the catalogue could not be loaded: " + state.load_error};
    }
    for (const auto& value : call.path)
      if (!catalog::valid_utf8(value)) return Fault{.code = ErrorCode::invalid_argument, .message = "the address is not UTF-8"};
    if (auto fault = read_query(route, call.http, call.query)) return std::move(*fault);
    if (route.takes == Body::json) {
      auto parsed_body = parse_json(call.http.body);
      if (auto* fault = std::get_if<Fault>(&parsed_body)) return std::move(*fault);
      call.body = std::move(std::get<json::value>(parsed_body));
      if (auto fault = check(call.body, route.body)) return std::move(*fault);
    }
    return route.handler(state, call);
  }

  net::Response answer(const Route& route, Call& call) {
    Answer answer = Fault{};
    try {
      answer = run(route, call);
    } catch (const std::bad_alloc&) {
      answer = Fault{.code = ErrorCode::resource_exhausted, .message = "out of memory", .status = 503};
    } catch (const std::exception& e) {
      answer = Fault{.code = ErrorCode::internal, .message = std::string("internal error: ") + e.what(),
                     .hint = "this is a fault of Penchant; please report it with the request id"};
    }
    if (const auto* fault = answer.fault()) return error_response(*fault);
    Reply& reply = *answer.reply();
    net::Response response{.status = reply.status, .headers = std::move(reply.headers)};
    response.headers.add("Content-Type", reply.text ? reply.text_type : "application/json");
    response.headers.add("Cache-Control", "no-store");
    response.headers.add("X-Content-Type-Options", "nosniff");
    response.body = reply.text ? std::move(*reply.text) : write_json(reply.body) + "\n";
    return response;
  }

  std::string request_id(const net::Request& request) {
    const auto given = request.headers.get("X-Request-Id");
    const bool fine = given && !given->empty() && given->size() <= 128 &&
                      std::ranges::all_of(*given, [](char c) { return c > ' ' && c < 127; });
    return fine ? std::string(*given) : state.ids.next(state.clock.now_ms());
  }

  net::Response finish(net::Response response, const net::Request& request, const std::string& id, const Route* route) {
    response.headers.set("X-Request-Id", id);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - request.arrived).count();
    const bool timed = request.arrived != std::chrono::steady_clock::time_point{};
    static constexpr std::string_view kMethods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    const bool usual = std::ranges::find(kMethods, request.method) != std::end(kMethods);
    state.metrics.observe("penchant_http_request_seconds", timed ? seconds : 0,
                          {{"route", route ? route->path : "other"}, {"method", usual ? request.method : "other"},
                           {"status", std::to_string(response.status)}});
    return response;
  }

  ServiceState state;
  std::optional<net::StaticFiles> console;
};

Service::Service(ServiceOptions options, TaskRunner& runner, const Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), runner, clock)) {}

Service::~Service() { stop(); }

void Service::attach(store::Store& store, recommend::Engine& engine) {
  impl_->state.store = &store;
  impl_->state.engine = &engine;
  impl_->state.ready.store(true);
}

void Service::loading_failed(const Error& error) {
  const std::lock_guard lock(impl_->state.mutex);
  impl_->state.load_error = error.message;
}

void Service::watch(std::function<net::ServerStats()> stats) {
  const std::lock_guard lock(impl_->state.mutex);
  impl_->state.server_stats = std::move(stats);
}

net::Response Service::handle(const net::Request& request) {
  const std::string id = impl_->request_id(request);
  Match match = find_route(request.method, request.path);
  if (const auto fault = impl_->denied(request, match.route))
    return impl_->finish(error_response(*fault), request, id, match.route);
  if (match.route == nullptr) return impl_->finish(impl_->elsewhere(request, match), request, id, nullptr);
  Call call{.http = request, .request_id = id, .path = std::move(match.path)};
  return impl_->finish(impl_->answer(*match.route, call), request, id, match.route);
}

net::Handler Service::handler() {
  return [this](const net::Request& request) { return handle(request); };
}

net::ServerOptions Service::wire(net::ServerOptions options) {
  options.api_key = impl_->state.options.api_key;
  options.refusal = [](int status, const std::string& message) {
    const ErrorCode code = status == 503 ? ErrorCode::unavailable : status == 408 ? ErrorCode::deadline_exceeded
                         : status == 413 || status == 431 ? ErrorCode::resource_exhausted
                         : status == 500 ? ErrorCode::internal : ErrorCode::invalid_argument;
    return error_response({.code = code, .message = message, .status = status});
  };
  options.admit = [this](const net::Request& request) -> std::optional<net::Response> {
    const bool has_body = request.headers.get("Content-Length").value_or("0") != "0" || request.headers.get("Transfer-Encoding");
    if (!has_body && request.path != "/livez") return std::nullopt;
    const Match match = find_route(request.method, request.path);
    if (match.route != nullptr && match.route->operation == "livez") return handle(request);  // also when workers are busy
    // The body of a request that goes nowhere, or may not pass, is not read.
    if (match.route == nullptr || impl_->denied(request, match.route)) return handle(request);
    return std::nullopt;
  };
  return options;
}

void Service::stop() { impl_->state.tasks.stop(); }

}  // namespace penchant::service
