// Health, metrics, version, the document of this surface.
#include "penchant/service/json_values.h"
#include "penchant/service/route.h"
#include "penchant/service/schemas.h"
#include "penchant/service/state.h"

namespace penchant::service {

namespace {

json::object health(ServiceState& state) {
  if (state.ready.load()) {
    const std::string live = state.engine->live_release();
    return {{"status", "ready"}, {"release", live.empty() ? json::value(nullptr) : json::value(live)}};
  }
  const std::lock_guard lock(state.mutex);
  if (state.load_error.empty()) return {{"status", "loading"}};
  return {{"status", "failed"}, {"reason", state.load_error}};
}

Answer livez(ServiceState&, const Call&) { return json::value{{"status", "ok"}}; }

Answer healthz(ServiceState& state, const Call&) {
  json::object out = health(state);
  if (state.ready.load()) out["status"] = "ok";
  return json::value(std::move(out));
}

Answer readyz(ServiceState& state, const Call&) {
  const bool ready = state.ready.load();
  Reply reply{.status = ready ? 200 : 503, .body = health(state)};
  if (!ready) reply.headers.add("Retry-After", "1");
  return reply;
}

Answer version(ServiceState& state, const Call&) {
  return json::value{{"name", "penchant"}, {"version", state.options.version}};
}

Answer openapi(ServiceState& state, const Call&) {
  return Reply{.text = openapi_document(state.options.version), .text_type = "application/json"};
}

Answer metrics(ServiceState& state, const Call&) {
  auto& metrics = state.metrics;
  metrics.set("penchant_ready", state.ready.load() ? 1 : 0);
  if (state.ready.load()) {
    if (const auto counts = state.store->counts(); counts.ok()) {
      metrics.set("penchant_items", static_cast<double>(counts->items));
      metrics.set("penchant_users", static_cast<double>(counts->users));
      metrics.set("penchant_events", static_cast<double>(counts->events));
    }
    metrics.clear("penchant_release_info");
    if (const auto live = state.engine->live_release(); !live.empty())
      metrics.set("penchant_release_info", 1, {{"release", live}});
  }
  std::size_t running = 0, queued = 0;
  for (const auto& task : state.tasks.all()) {
    running += task.state == TaskState::running;
    queued += task.state == TaskState::queued;
  }
  metrics.set("penchant_tasks", static_cast<double>(running), {{"state", "running"}});
  metrics.set("penchant_tasks", static_cast<double>(queued), {{"state", "queued"}});
  std::function<net::ServerStats()> stats;
  {
    const std::lock_guard lock(state.mutex);
    stats = state.server_stats;
  }
  if (stats) {
    const auto now = stats();
    metrics.set("penchant_http_connections", static_cast<double>(now.connections));
    metrics.set("penchant_http_queued", static_cast<double>(now.queued));
    metrics.set("penchant_http_connections_accepted", static_cast<double>(now.accepted));
    metrics.set("penchant_http_refused", static_cast<double>(now.refused));
  }
  return Reply{.text = metrics.text(), .text_type = "text/plain; version=0.0.4; charset=utf-8"};
}

}  // namespace

void add_operation_routes(std::vector<Route>& routes) {
  const auto add = [&](const char* path, const char* operation, const char* summary, bool open, const Schema& answer,
                       Answer (*handler)(ServiceState&, const Call&)) -> Route& {
    routes.push_back({.method = "GET", .path = path, .operation = operation, .tag = "operations", .summary = summary,
                      .open = open, .needs_data = false, .answer = answer, .handler = handler});
    return routes.back();
  };
  add("/livez", "livez", "The process answers", true, health_schema(), livez);
  add("/readyz", "readyz", "200 when the catalogue and the release are loaded, else 503", true, health_schema(), readyz);
  add("/healthz", "healthz", "How it stands, always with 200", true, health_schema(), healthz);
  add("/version", "version", "Name and version", false, version_schema(), version);
  add("/openapi.json", "openapi", "This document", true, any_value(), openapi);
  add("/metrics", "metrics", "Prometheus metrics", false, any_value(), metrics).produces = "text/plain";
}

}  // namespace penchant::service
