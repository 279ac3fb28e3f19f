// POST /v1/recommend and POST /v1/explain.
#include "penchant/service/json_values.h"
#include "penchant/service/route.h"
#include "penchant/service/schemas.h"
#include "penchant/service/state.h"

#include <chrono>
#include <cmath>

#include <boost/json/serialize.hpp>

#include "penchant/catalog/filter.h"
#include "penchant/catalog/json.h"

namespace penchant::service {

namespace {

Result<std::vector<recommend::SessionEvent>> session_of(const json::value* list) {
  std::vector<recommend::SessionEvent> out;
  if (list == nullptr) return out;
  for (const auto& entry : list->get_array()) {
    if (!entry.is_object()) {
      out.push_back({.item = id_text(entry)});
      continue;
    }
    // Read by the reader of events, so that times and values mean the same everywhere.
    json::object as_event = entry.get_object();
    as_event["user"] = "-";
    PENCHANT_TRY(event, catalog::event_from_json(json::serialize(as_event)));
    out.push_back({.item = std::move(event.item), .type = std::move(event.type),
                   .value = event.value, .time_ms = event.time_ms});
  }
  return out;
}

std::optional<Fault> bad_filter(const std::string& text, const std::string& pointer) {
  auto filter = catalog::Filter::parse(text);
  if (filter.ok()) return std::nullopt;
  Fault fault = fault_of(std::move(filter).error(), pointer);
  fault.hint = "for example: genre IN (\"comedy\", \"drama\") AND year >= 2010 AND NOT title CONTAINS \"x\"";
  return fault;
}

std::optional<Fault> read_request(const json::object& body, recommend::Request& out) {
  const auto get = [&](std::string_view name) { return member(body, name); };
  if (const auto* user = get("user")) out.user = id_text(*user);
  out.query = text_or(get("query"));
  out.similar_to = id_texts(get("similar_to"));
  out.exclude = id_texts(get("exclude"));
  out.filter = text_or(get("filter"));
  if (auto fault = bad_filter(out.filter, "/filter")) return fault;
  if (const auto* n = get("n")) out.n = n->to_number<std::size_t>();
  if (const auto* beam = get("beam")) out.beam = beam->to_number<std::size_t>();
  if (const auto* deadline = get("deadline_ms")) out.deadline_ms = deadline->to_number<std::int64_t>();
  if (const auto* diversity = get("diversity")) out.diversity = diversity->to_number<double>();
  if (const auto* seen = get("include_seen")) out.include_seen = seen->get_bool();
  if (const auto* boosts = get("boosts")) {
    for (const auto& boost : boosts->get_array()) {
      const auto& object = boost.get_object();
      out.boosts.push_back({.filter = text_or(member(object, "filter")),
                            .weight = object.at("weight").to_number<double>()});
      const std::string pointer = "/boosts/" + std::to_string(out.boosts.size() - 1) + "/filter";
      if (auto fault = bad_filter(out.boosts.back().filter, pointer)) return fault;
    }
  }
  auto session = session_of(get("session"));
  if (!session.ok()) return fault_of(std::move(session).error(), "/session");
  out.session = std::move(session).value();
  if (const auto* explain = get("explain")) {
    const std::string wish = explain->is_bool() ? (explain->get_bool() ? "short" : "none") : text_or(explain);
    out.explain = wish == "short" ? recommend::Explain::brief
                : wish == "reasons" ? recommend::Explain::reasons : recommend::Explain::none;
  }
  return std::nullopt;
}

std::vector<std::string> selection_of(const json::object& body) { return id_texts(member(body, "fields")); }

json::value finite(double value) {
  if (!std::isfinite(value)) return nullptr;
  return value;
}

json::array reasons_json(const std::vector<recommend::Reason>& reasons) {
  json::array out;
  for (const auto& reason : reasons) {
    json::array evidence;
    for (const auto& one : reason.evidence)
      evidence.push_back({{"kind", one.kind}, {"id", one.id}, {"text", one.text}});
    out.push_back({{"type", reason.type}, {"weight", finite(reason.weight)}, {"evidence", std::move(evidence)}});
  }
  return out;
}

json::object scored_json(ServiceState& state, const recommend::ScoredItem& item,
                         const std::vector<std::string>& selection, bool debug) {
  json::object out;
  out["id"] = item.id;
  out["title"] = item.title;
  out["score"] = finite(item.score);
  out["rank"] = item.rank;
  const auto stored = state.items.get(*state.store, item.id);
  out["fields"] = stored.ok() ? fields_of(*stored.value(), selection) : json::object{{"title", item.title}};
  out["semantic_id"] = codes_json(item.semantic_id);
  out["sources"] = json::array(item.sources.begin(), item.sources.end());
  out["reasons"] = reasons_json(item.reasons);
  out["explanation"] = item.explanation.empty() ? json::value(nullptr) : json::value(item.explanation);
  if (debug) {
    json::object features;
    for (const auto& [name, value] : item.features) features[name] = finite(value);
    out["features"] = std::move(features);
  }
  return out;
}

json::object timings_json(const std::map<std::string, double>& timings) {
  json::object out;
  for (const auto& [stage, ms] : timings) out[stage] = std::round(ms * 1000) / 1000;
  return out;
}

json::array notes_of(const recommend::Request& request, const recommend::Response& response) {
  json::array notes;
  if (response.items.empty())
    notes.emplace_back(!request.filter.empty()
        ? "no item passes the filter (and the other rules of the request): the list is empty"
        : "nothing to recommend: the catalogue is empty, or every item is excluded or seen");
  else if (response.items.size() < request.n)
    notes.emplace_back("only " + std::to_string(response.items.size()) + " items can be returned under the rules of the request");
  return notes;
}

Answer recommend_handler(ServiceState& state, const Call& call) {
  const auto& body = call.body.get_object();
  recommend::Request request;
  if (auto fault = read_request(body, request)) return std::move(*fault);
  PENCHANT_TRY(response, state.engine->recommend(request));
  for (const auto& [stage, ms] : response.timings_ms)
    state.metrics.observe("penchant_recommend_stage_seconds", ms / 1000, {{"stage", stage}});
  for (const auto& part : response.degraded) state.metrics.count("penchant_degraded_total", {{"part", part.part}});

  const auto selection = selection_of(body);
  const bool debug = flag(member(body, "debug"));
  json::array items;
  for (const auto& item : response.items) items.emplace_back(scored_json(state, item, selection, debug));
  json::array degraded;
  for (const auto& part : response.degraded) degraded.push_back({{"part", part.part}, {"why", part.why}});
  json::object applied;
  applied["scenario"] = nullptr;
  applied["filter"] = response.filter;
  applied["include_seen"] = response.include_seen;
  applied["task"] = response.task;
  applied["release"] = response.release.empty() ? json::value(nullptr) : json::value(response.release);
  applied["n"] = request.n;
  json::object out;
  out["recommendation_id"] = state.ids.next(state.clock.now_ms());
  out["items"] = std::move(items);
  out["intent"] = nullptr;
  out["applied"] = std::move(applied);
  out["degraded"] = std::move(degraded);
  out["ignored"] = json::array(response.ignored.begin(), response.ignored.end());
  out["notes"] = notes_of(request, response);
  out["timings"] = timings_json(response.timings_ms);
  return json::value(std::move(out));
}

Answer explain_handler(ServiceState& state, const Call& call) {
  const auto& body = call.body.get_object();
  recommend::Request request;
  if (auto fault = read_request(body, request)) return std::move(*fault);
  request.explain = recommend::Explain::brief;
  const auto begin = std::chrono::steady_clock::now();
  PENCHANT_TRY(item, state.engine->explain(request, id_text(body.at("item"))));
  const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  json::object out;
  out["item"] = scored_json(state, item, selection_of(body), true);
  out["timings"] = timings_json({{"total", ms}});
  return json::value(std::move(out));
}

}  // namespace

void add_recommend_routes(std::vector<Route>& routes) {
  routes.push_back({.method = "POST", .path = "/v1/recommend", .operation = "recommend", .tag = "serve",
                    .summary = "Items for a user, a session, a query or an item, in any mix",
                    .description = "One ranking for recommendation, search and similar items. Without user, session, "
                                   "query and similar_to it answers for a guest.",
                    .takes = Body::json, .body = recommend_request_schema(), .answer = recommend_answer_schema(),
                    .handler = recommend_handler});
  routes.push_back({.method = "POST", .path = "/v1/explain", .operation = "explain", .tag = "serve",
                    .summary = "Why an item would, or would not, be shown in a context",
                    .takes = Body::json, .body = explain_request_schema(), .answer = explain_answer_schema(),
                    .handler = explain_handler});
}

}  // namespace penchant::service
