// /admin/v1/models, semantic-id report, data description.
#include "penchant/service/json_values.h"
#include "penchant/service/route.h"
#include "penchant/service/schemas.h"
#include "penchant/service/state.h"

#include <algorithm>

#include "penchant/artifact/files.h"

namespace penchant::service {

namespace {

constexpr std::uint64_t kMaxCardBytes = 16 * 1024 * 1024;

/// A release that the store knows (so that a name is never a path); "live" is the live one.
Result<store::ReleaseRow> release_named(ServiceState& state, const std::string& name) {
  PENCHANT_TRY(rows, state.store->releases());
  std::string known;
  for (auto& row : rows) {
    if (row.name == name || (name == "live" && row.live)) return row;
    known += (known.empty() ? "" : ", ") + row.name;
  }
  return Error{ErrorCode::not_found, "no release \"" + name + "\"; " + (known.empty() ? "there is none yet" : "known: " + known)};
}

json::value file_json(ServiceState& state, const std::string& release, const std::string& file) {
  const auto text = artifact::read_file(state.options.home + "/models/" + release + "/" + file, kMaxCardBytes);
  return text.ok() ? parsed(*text) : json::value(nullptr);
}

Answer list_models(ServiceState& state, const Call&) {
  PENCHANT_TRY(rows, state.store->releases());
  std::ranges::stable_sort(rows, std::ranges::greater{}, &store::ReleaseRow::created_ms);
  json::array releases;
  json::value live = nullptr;
  for (const auto& row : rows) {
    if (row.live) live = row.name;
    releases.push_back({{"name", row.name}, {"created", iso_time(row.created_ms)}, {"live", row.live},
                        {"card", file_json(state, row.name, "card.json")}});
  }
  return json::value{{"live", std::move(live)}, {"releases", std::move(releases)}};
}

Answer get_model(ServiceState& state, const Call& call) {
  PENCHANT_TRY(row, release_named(state, call.path[0]));
  return json::value{{"name", row.name}, {"live", row.live},
                     {"manifest", file_json(state, row.name, "manifest.json")},
                     {"card", file_json(state, row.name, "card.json")}};
}

Answer promote(ServiceState& state, const Call& call) {
  PENCHANT_TRY(row, release_named(state, call.path[0]));
  PENCHANT_DO(state.engine->promote(row.name));
  return json::value{{"name", row.name}, {"live", true},
                     {"manifest", file_json(state, row.name, "manifest.json")},
                     {"card", file_json(state, row.name, "card.json")}};
}

Answer semantic_id_report(ServiceState& state, const Call& call) {
  const std::string wanted = text_or(call.parameter("release"), "live");
  PENCHANT_TRY(row, release_named(state, wanted));
  const auto card = file_json(state, row.name, "card.json");
  const auto* object = card.if_object();
  const auto* report = object ? object->if_contains("semantic_ids") : nullptr;
  if (report == nullptr || report->is_null())
    return Error{ErrorCode::not_found, "the card of release \"" + row.name + "\" holds no semantic-ID report"};
  return json::value{{"release", row.name}, {"report", *report}};
}

Answer reload(ServiceState& state, const Call&) {
  PENCHANT_DO(state.engine->reload());
  state.items.clear();
  return json::value{{"status", "ok"}};
}

Answer describe(ServiceState& state, const Call&) {
  PENCHANT_TRY(counts, state.store->counts());
  PENCHANT_TRY(types, state.store->event_types());
  json::array names;
  for (const auto& type : types) names.push_back({{"name", type.name}, {"weight", type.weight}});
  const std::string live = state.engine->live_release();
  return json::value{{"items", counts.items}, {"users", counts.users}, {"events", counts.events},
                     {"first_event", iso_time(counts.first_event_ms)}, {"last_event", iso_time(counts.last_event_ms)},
                     {"event_types", std::move(names)}, {"release", live.empty() ? json::value(nullptr) : json::value(live)}};
}

}  // namespace

void add_model_routes(std::vector<Route>& routes) {
  routes.push_back({.method = "GET", .path = "/admin/v1/models", .operation = "listModels", .tag = "models",
                    .summary = "Releases, newest first, with their cards",
                    .answer = release_list_schema(), .handler = list_models});
  routes.push_back({.method = "GET", .path = "/admin/v1/models/{name}", .operation = "getModel", .tag = "models",
                    .summary = "Manifest and card of one release (\"live\": the live one)",
                    .answer = release_schema(), .handler = get_model});
  routes.push_back({.method = "POST", .path = "/admin/v1/models/{name}:promote", .operation = "promoteModel", .tag = "models",
                    .summary = "Verify a release and make it live; requests in flight finish on the old one",
                    .answer = release_schema(), .handler = promote});
  routes.push_back({.method = "GET", .path = "/admin/v1/semantic-ids/report", .operation = "semanticIdReport", .tag = "models",
                    .summary = "Use and collisions of the codes",
                    .query = {{"release", text(64, 1).defaulting("live"), "which release"}},
                    .answer = object({need("release", text(512), ""), need("report", any_value(), "as penchant sids report --json")})
                                  .named("SemanticIdReport"),
                    .handler = semantic_id_report});
  routes.push_back({.method = "GET", .path = "/admin/v1/describe", .operation = "describe", .tag = "data",
                    .summary = "How much data there is", .answer = describe_schema(), .handler = describe});
  routes.push_back({.method = "POST", .path = "/admin/v1/reload", .operation = "reload", .tag = "data",
                    .summary = "Read items, users and events again, after another program changed them",
                    .answer = object({need("status", text(16), "")}), .handler = reload});
}

}  // namespace penchant::service
