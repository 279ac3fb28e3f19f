// /v1/users.
#include "penchant/service/bulk.h"
#include "penchant/service/state.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "penchant/catalog/json.h"
#include "penchant/catalog/text_form.h"
#include "penchant/catalog/time.h"
#include "penchant/recommend/user_embeddings.h"

namespace penchant::service {

namespace {

constexpr std::size_t kMaxCounted = 10'000;      // events counted per user in a list
constexpr std::size_t kMaxLooked = 200'000;      // users looked at for one search
constexpr std::int64_t kEarliestTime = 100'000'000'000;  // smaller times are positions, not dates

Answer put_user(ServiceState& state, const Call& call) {
  PENCHANT_TRY(user, catalog::user_from_json(json::serialize(call.body), call.path[0]));
  PENCHANT_TRY(row, state.store->find_user(user.id));
  PENCHANT_DO(state.engine->put_users({&user, 1}));
  return json::value{{"id", user.id}, {"created", !row.has_value()}};
}

Answer post_users(ServiceState& state, const Call& call) {
  return put_many<catalog::User>(call, "users", user_schema(), catalog::user_from_json,
                                 [&](std::vector<catalog::User>& users) { return state.engine->put_users(users); });
}

json::object user_json(const catalog::User& user) {
  return {{"id", user.id}, {"attributes", attributes_json(user.attributes)}};
}

Result<std::size_t> events_of(ServiceState& state, const std::string& user) {
  PENCHANT_TRY(row, state.store->find_user(user));
  if (!row) return std::size_t{0};
  PENCHANT_TRY(events, state.store->user_events(*row, kMaxCounted));
  return events.size();
}

Answer get_user(ServiceState& state, const Call& call) {
  PENCHANT_TRY(user, state.store->get_user(call.path[0]));
  PENCHANT_TRY(events, events_of(state, user.id));
  json::object out = user_json(user);
  out["events"] = events;
  return json::value(std::move(out));
}

Answer patch_user(ServiceState& state, const Call& call) {
  const std::lock_guard lock(state.patching);
  PENCHANT_TRY(user, state.store->get_user(call.path[0]));
  const auto& given = call.body.get_object().at("attributes").get_object();
  PENCHANT_TRY(changes, catalog::attributes_from_json(json::serialize(given)));
  for (auto& [name, value] : changes) user.attributes.insert_or_assign(name, std::move(value));
  for (const auto& entry : given)
    if (entry.value().is_null()) user.attributes.erase(std::string(view(entry.key())));
  PENCHANT_DO(state.engine->put_users({&user, 1}));
  return json::value(user_json(user));
}

Answer delete_user(ServiceState& state, const Call& call) {
  PENCHANT_DO(state.engine->delete_user(call.path[0]));
  return json::value{{"id", call.path[0]}, {"deleted", true}};
}

Answer list_users(ServiceState& state, const Call& call) {
  const auto* given = call.parameter("limit");
  const std::size_t limit = given ? given->to_number<std::size_t>() : 20;
  const std::string wanted = catalog::fold_case(text_or(call.parameter("query")));
  std::array<std::vector<catalog::User>, 3> found;  // the very id, ids that begin so, ids that hold it
  std::size_t looked = 0;
  bool truncated = false;
  PENCHANT_DO(state.store->scan_users([&](catalog::UserId, catalog::User&& user) {
    const std::string id = catalog::fold_case(user.id);
    const auto at = id.find(wanted);
    if (at != std::string::npos) {
      auto& group = found[id == wanted ? 0 : at == 0 ? 1 : 2];
      if (group.size() < limit) group.push_back(std::move(user));
      else truncated = true;
    }
    // Without a query the first are as good as any.
    if (++looked >= kMaxLooked || (wanted.empty() && truncated)) {
      truncated = true;
      return false;
    }
    return true;
  }));
  json::array users;
  for (auto& group : found) {
    for (auto& user : group) {
      if (users.size() == limit) {
        truncated = true;
        break;
      }
      PENCHANT_TRY(events, events_of(state, user.id));
      json::object one = user_json(user);
      one["events"] = events;
      users.emplace_back(std::move(one));
    }
  }
  return json::value{{"users", std::move(users)}, {"truncated", truncated}};
}

Answer get_history(ServiceState& state, const Call& call) {
  const auto* given = call.parameter("limit");
  const std::size_t limit = given ? given->to_number<std::size_t>() : 100;
  PENCHANT_TRY(row, state.store->find_user(call.path[0]));
  if (!row) return Error{ErrorCode::not_found, "no user \"" + call.path[0] + "\""};
  PENCHANT_TRY(types, state.store->event_types());
  PENCHANT_TRY(events, state.store->user_events(*row, limit));
  json::array out;
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    PENCHANT_TRY(id, state.items.id_of(*state.store, event->item));
    const auto item = state.items.get(*state.store, id);
    json::object one;
    one["item"] = id;
    one["title"] = item.ok() ? item.value()->title : std::string();
    one["fields"] = item.ok() ? fields_of(*item.value(), {}) : json::object{};
    one["type"] = event->type < types.size() ? types[event->type].name : std::string("unknown");
    one["value"] = std::isfinite(event->value) ? json::value(event->value) : json::value(nullptr);
    one["time"] = event->time_ms >= kEarliestTime ? iso_time(event->time_ms) : json::value(nullptr);
    one["time_ms"] = event->time_ms;
    out.emplace_back(std::move(one));
  }
  return json::value{{"user", call.path[0]}, {"events", std::move(out)}};
}

Answer get_embedding(ServiceState& state, const Call& call) {
  PENCHANT_TRY(found, recommend::read_user_embedding(*state.store, call.path[0], state.clock));
  const auto& embedding = found.embedding;
  json::array degraded;
  for (const auto& why : found.stale) degraded.push_back({{"part", "embedding"}, {"why", why}});
  return json::value{{"user", found.user}, {"release", embedding.release}, {"space", embedding.space},
                     {"made", iso_time(embedding.made_ms)},
                     {"until", embedding.until_ms >= kEarliestTime ? iso_time(embedding.until_ms) : json::value(nullptr)},
                     {"events", embedding.events}, {"age_s", static_cast<double>(found.age_ms) / 1000}, {"events_since", found.events_since},
                     {"vector", json::array(embedding.vector.begin(), embedding.vector.end())}, {"degraded", std::move(degraded)}};
}

}  // namespace

void add_user_routes(std::vector<Route>& routes) {
  const Parameter all_or_nothing{"all_or_nothing", boolean().defaulting(false), "one wrong record refuses them all"};
  const Schema gone = object({need("id", text(512), ""), need("deleted", boolean(), "")});
  routes.push_back({.method = "GET", .path = "/v1/users", .operation = "listUsers", .tag = "data",
                    .summary = "Search people by id: the very id first, then ids that begin with it, then ids that hold it",
                    .query = {{"query", text(512), "part of an id, in any case"},
                              {"limit", integer(1, 1000).defaulting(20), "how many"}},
                    .answer = user_list_schema(), .handler = list_users});
  routes.push_back({.method = "POST", .path = "/v1/users", .operation = "putUsers", .tag = "data",
                    .summary = "Put many users: a list, {\"users\": […]}, or one object per line",
                    .query = {all_or_nothing}, .takes = Body::json_or_lines,
                    .body = list(user_schema(), kMaxRecords), .answer = bulk_answer_schema(), .handler = post_users});
  routes.push_back({.method = "GET", .path = "/v1/users/{id}", .operation = "getUser", .tag = "data",
                    .summary = "One user as stored", .answer = stored_user_schema(), .handler = get_user});
  routes.push_back({.method = "PUT", .path = "/v1/users/{id}", .operation = "putUser", .tag = "data",
                    .summary = "Put one user, replacing the record", .takes = Body::json,
                    .body = user_schema(), .answer = put_answer_schema(), .handler = put_user});
  routes.push_back({.method = "PATCH", .path = "/v1/users/{id}", .operation = "patchUser", .tag = "data",
                    .summary = "Change some attributes of a user", .takes = Body::json,
                    .body = user_patch_schema(), .answer = stored_user_schema(), .handler = patch_user});
  routes.push_back({.method = "DELETE", .path = "/v1/users/{id}", .operation = "deleteUser", .tag = "data",
                    .summary = "Remove a user and all events of the user",
                    .answer = gone, .handler = delete_user});
  routes.push_back({.method = "GET", .path = "/v1/users/{id}/events", .operation = "getHistory", .tag = "data",
                    .summary = "What a user did, newest first, with titles",
                    .query = {{"limit", integer(1, 10'000).defaulting(100), "how many"}},
                    .answer = history_schema(), .handler = get_history});
  routes.push_back({.method = "GET", .path = "/v1/users/{id}/embedding", .operation = "getUserEmbedding", .tag = "data",
                    .summary = "The vector of a user for other models, as it was last pushed",
                    .description = "Says which release made it, when, from what, and how stale it is: a model that reads it decides whether that is fresh enough. `penchant embeddings push` makes it.",
                    .answer = user_embedding_schema(), .handler = get_embedding});
}

}  // namespace penchant::service
