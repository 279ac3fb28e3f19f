// POST /v1/events.
#include "penchant/service/json_text.h"
#include "penchant/service/json_values.h"
#include "penchant/service/route.h"
#include "penchant/service/schemas.h"
#include "penchant/service/state.h"

#include <unordered_map>

#include <boost/json/serialize.hpp>

#include "penchant/catalog/json.h"

namespace penchant::service {

namespace {

constexpr std::size_t kMaxErrors = 1000;
constexpr std::size_t kMaxEvents = 100'000;

/// Events that can be stored, and what is wrong with the others.
class Batch {
 public:
  Batch(ServiceState& state, bool create_items) : state_(state), create_items_(create_items) {}

  void add_line(std::size_t line, std::string_view text) {
    auto value = parse_json(text);
    if (auto* fault = std::get_if<Fault>(&value)) return refuse(line, std::move(*fault));
    add(line, std::get<json::value>(value), "");
  }

  void add(std::size_t line, const json::value& value, const std::string& pointer) {
    if (auto fault = check(value, event_schema(), pointer)) return refuse(line, std::move(*fault));
    auto event = catalog::event_from_json(json::serialize(value));
    if (!event.ok()) return refuse(line, fault_of(std::move(event).error(), pointer));
    if (event->time_ms == 0 && member(value.get_object(), "time") == nullptr) event->time_ms = state_.clock.now_ms();
    if (!create_items_) {
      auto known = is_known(event->item);
      if (!known.ok()) return refuse(line, fault_of(std::move(known).error(), pointer));
      if (!*known)
        return refuse(line, {.code = ErrorCode::invalid_argument, .message = "there is no item \"" + event->item + "\"",
                             .field = pointer + "/item",
                             .hint = "put the item first (PUT /v1/items/{id}), or add ?create_items=true"});
    }
    events_.push_back(std::move(event).value());
  }

  void refuse(std::size_t line, Fault fault) {
    ++rejected_;
    if (errors_.size() < kMaxErrors) {
      json::object error{{"line", line}};
      for (const auto& entry : fault_json(fault)) error[entry.key()] = entry.value();
      errors_.emplace_back(std::move(error));
    }
    if (!first_) first_ = std::move(fault);
  }

  [[nodiscard]] const std::vector<catalog::Event>& events() const { return events_; }
  [[nodiscard]] std::size_t rejected() const { return rejected_; }
  [[nodiscard]] json::array& errors() { return errors_; }
  [[nodiscard]] Fault& first_fault() { return *first_; }

 private:
  Result<bool> is_known(const std::string& item) {
    if (const auto found = known_.find(item); found != known_.end()) return found->second;
    PENCHANT_TRY(row, state_.store->find_item(item));
    known_.emplace(item, row.has_value());
    return row.has_value();
  }

  ServiceState& state_;
  bool create_items_;
  std::vector<catalog::Event> events_;
  json::array errors_;
  std::size_t rejected_ = 0;
  std::optional<Fault> first_;
  std::unordered_map<std::string, bool> known_;
};

json::object report(const store::AppendReport& done, Batch& batch) {
  return {{"accepted", done.accepted}, {"duplicates", done.duplicates}, {"rejected", batch.rejected()},
          {"errors", std::move(batch.errors())}, {"created_users", done.created_users},
          {"created_items", done.created_items}};
}

Answer append(ServiceState& state, Batch& batch, bool create_items, bool one, bool all_or_nothing) {
  if (batch.rejected() > 0 && one) return std::move(batch.first_fault());
  if (batch.rejected() > 0 && (all_or_nothing || batch.events().empty())) {
    Fault fault = batch.first_fault();
    fault.message = std::to_string(batch.rejected()) + " of " +
                    std::to_string(batch.rejected() + batch.events().size()) +
                    " events are wrong and none was stored; the first: " + fault.message;
    json::object body = report({}, batch);
    body["error"] = fault_json(fault);
    return Reply{.status = 400, .body = std::move(body)};
  }
  store::AppendReport done;
  if (!batch.events().empty()) {
    PENCHANT_TRY(stored, state.engine->append_events(batch.events(), {.create_unknown_items = create_items}));
    done = stored;
  }
  state.metrics.count("penchant_events_accepted_total", {}, static_cast<double>(done.accepted));
  state.metrics.count("penchant_events_duplicate_total", {}, static_cast<double>(done.duplicates));
  state.metrics.count("penchant_events_rejected_total", {}, static_cast<double>(batch.rejected()));
  return json::value(report(done, batch));
}

Fault too_many() {
  return {.code = ErrorCode::invalid_argument,
          .message = "more than " + std::to_string(kMaxEvents) + " events in one request",
          .hint = "send them in parts, or use POST /v1/imports"};
}

/// {"events": […], "all_or_nothing": …}; the events themselves are checked one by one.
Schema envelope() {
  return object({need("events", list(any_value(), kMaxEvents), "a list of events"),
                 may("all_or_nothing", boolean(), "one wrong event refuses them all")});
}

Answer post_events(ServiceState& state, const Call& call) {
  const bool create_items = flag(call.parameter("create_items"), state.options.create_unknown_items);
  bool all_or_nothing = flag(call.parameter("all_or_nothing"));
  Batch batch(state, create_items);
  if (is_ndjson(call.http.headers.get("Content-Type").value_or(""), call.http.body)) {
    std::size_t lines = 0;
    for_each_line(call.http.body, [&](std::size_t line, std::string_view text) {
      if (++lines > kMaxEvents) return false;
      batch.add_line(line, text);
      return true;
    });
    if (lines > kMaxEvents) return too_many();
    return append(state, batch, create_items, false, all_or_nothing);
  }
  auto value = parse_json(call.http.body);
  if (auto* fault = std::get_if<Fault>(&value)) return std::move(*fault);
  const auto& body = std::get<json::value>(value);
  const json::array* many = body.if_array();
  std::string pointer;
  if (const auto* object = body.if_object(); object && object->contains("events")) {
    static const Schema kEnvelope = envelope();
    if (auto fault = check(body, kEnvelope)) return std::move(*fault);
    many = object->at("events").if_array();
    pointer = "/events";
    all_or_nothing = flag(member(*object, "all_or_nothing"), all_or_nothing);
  }
  if (many == nullptr) {
    batch.add(1, body, "");
    return append(state, batch, create_items, true, true);
  }
  if (many->size() > kMaxEvents) return too_many();
  for (std::size_t i = 0; i < many->size(); ++i) batch.add(i + 1, (*many)[i], pointer + "/" + std::to_string(i));
  return append(state, batch, create_items, false, all_or_nothing);
}

}  // namespace

void add_event_routes(std::vector<Route>& routes) {
  routes.push_back({
      .method = "POST", .path = "/v1/events", .operation = "postEvents", .tag = "data",
      .summary = "Store what users did: one event, {\"events\": […]}, or one event per line",
      .description = "Answers only after the events are on disk; the next list knows them. In a bulk request wrong "
                     "events are reported with their line and the others are stored, unless all_or_nothing is set. "
                     "A repeated idempotency_key has no effect. Unknown users are created.",
      .query = {{"all_or_nothing", boolean().defaulting(false), "one wrong event refuses them all"},
                {"create_items", boolean(), "create unknown items instead of refusing their events"}},
      .takes = Body::json_or_lines, .body = events_request_schema(), .answer = events_answer_schema(),
      .handler = post_events});
}

}  // namespace penchant::service
