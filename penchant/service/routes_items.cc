// /v1/items.
#include "penchant/service/bulk.h"
#include "penchant/service/state.h"

#include <algorithm>

#include "penchant/catalog/json.h"

namespace penchant::service {

namespace {

/// An item without a date of its own keeps that of its first put. The caller holds `patching`.
Status date(ServiceState& state, catalog::Item& item) {
  if (item.created_ms != 0) return {};
  item.created_ms = state.clock.now_ms();
  PENCHANT_TRY(row, state.store->find_item(item.id));
  if (!row) return {};
  PENCHANT_TRY(before, state.store->get_item(item.id));
  if (before.created_ms != 0) item.created_ms = before.created_ms;
  return {};
}

Status put(ServiceState& state, std::vector<catalog::Item>& items) {
  const std::lock_guard lock(state.patching);
  for (auto& item : items) PENCHANT_DO(date(state, item));
  PENCHANT_DO(state.engine->put_items(items));
  for (const auto& item : items) state.items.forget(item.id);
  return {};
}

Answer put_item(ServiceState& state, const Call& call) {
  PENCHANT_TRY(item, catalog::item_from_json(json::serialize(call.body), call.path[0]));
  PENCHANT_TRY(row, state.store->find_item(item.id));
  std::vector<catalog::Item> items{std::move(item)};
  PENCHANT_DO(put(state, items));
  return json::value{{"id", items[0].id}, {"created", !row.has_value()}};
}

Answer post_items(ServiceState& state, const Call& call) {
  return put_many<catalog::Item>(call, "items", item_schema(), catalog::item_from_json,
                                 [&](std::vector<catalog::Item>& items) { return put(state, items); });
}

Answer get_item(ServiceState& state, const Call& call) {
  PENCHANT_TRY(item, state.store->get_item(call.path[0]));
  return item_json(item, flag(call.parameter("vectors")));
}

/// The members of `given` that are not null, as an object.
json::object kept(const json::object& given) {
  json::object out;
  for (const auto& entry : given)
    if (!entry.value().is_null()) out[entry.key()] = entry.value();
  return out;
}

Status merge(catalog::Item& item, const json::object& patch) {
  json::object changes = kept(patch);
  changes["id"] = item.id;
  for (const char* name : {"attributes", "vectors"})
    if (const auto* given = member(patch, name)) changes[name] = kept(given->get_object());
  PENCHANT_TRY(change, catalog::item_from_json(json::serialize(changes)));
  if (patch.contains("title")) item.title = std::move(change.title);
  if (member(patch, "available") != nullptr) item.available = change.available;
  if (change.created_ms != 0) item.created_ms = change.created_ms;
  for (auto& [name, value] : change.attributes) item.attributes.insert_or_assign(name, std::move(value));
  if (const auto* given = member(patch, "attributes"))
    for (const auto& entry : given->get_object())
      if (entry.value().is_null()) item.attributes.erase(std::string(view(entry.key())));
  if (const auto* given = member(patch, "vectors")) {
    for (const auto& entry : given->get_object())
      std::erase_if(item.vectors, [&](const auto& vector) { return vector.modality == view(entry.key()); });
    for (auto& vector : change.vectors) item.vectors.push_back(std::move(vector));
  }
  return {};
}

Answer patch_item(ServiceState& state, const Call& call) {
  const std::lock_guard lock(state.patching);
  PENCHANT_TRY(item, state.store->get_item(call.path[0]));
  PENCHANT_DO(merge(item, call.body.get_object()));
  PENCHANT_DO(state.engine->put_items({&item, 1}));
  state.items.forget(item.id);
  return item_json(item, false);
}

Answer delete_item(ServiceState& state, const Call& call) {
  PENCHANT_DO(state.engine->delete_item(call.path[0]));
  state.items.forget(call.path[0]);
  return json::value{{"id", call.path[0]}, {"deleted", true}};
}

Answer list_items(ServiceState& state, const Call& call) {
  const auto* given = call.parameter("limit");
  const std::size_t limit = given ? given->to_number<std::size_t>() : 20;
  const std::string query = text_or(call.parameter("query"));
  json::array items;
  if (query.empty()) {
    PENCHANT_DO(state.store->scan_items([&](catalog::ItemId, catalog::Item&& item) {
      if (item.available) items.emplace_back(item_json(item, false));
      return items.size() < limit;
    }, false));
    return json::value{{"items", std::move(items)}};
  }
  const auto exact = state.items.get(*state.store, query);
  if (exact.ok()) items.emplace_back(item_json(**exact, false));
  PENCHANT_TRY(found, state.engine->recommend({.query = query, .n = limit, .include_seen = true}));
  for (const auto& one : found.items) {
    if (items.size() >= limit || (exact.ok() && one.id == query)) continue;
    const auto item = state.items.get(*state.store, one.id);
    if (item.ok()) items.emplace_back(item_json(**item, false));
  }
  return json::value{{"items", std::move(items)}};
}

json::object card_json(const recommend::ItemCard& card) {
  json::array neighbours;
  for (const auto& one : card.neighbours)
    neighbours.push_back({{"id", one.id}, {"title", one.title}, {"semantic_id", codes_json(one.semantic_id)},
                          {"shared_prefix", one.shared_prefix}, {"similarity", one.similarity}});
  json::object out;
  out["item"] = item_json(card.item, false);
  out["semantic_id"] = codes_json(card.semantic_id);
  out["tokens"] = token_text(card.semantic_id);
  out["events"] = card.events;
  out["neighbours"] = std::move(neighbours);
  return out;
}

Answer get_card(ServiceState& state, const Call& call) {
  PENCHANT_TRY(card, state.engine->item_card(call.path[0]));
  return json::value(card_json(card));
}

Answer get_semantic_id(ServiceState& state, const Call& call) {
  PENCHANT_TRY(card, state.engine->item_card(call.path[0]));
  json::object all = card_json(card);
  json::object out;
  out["item"] = card.item.id;
  out["title"] = card.item.title;
  for (const char* name : {"semantic_id", "tokens", "neighbours"}) out[name] = std::move(all[name]);
  return json::value(std::move(out));
}

}  // namespace

void add_item_routes(std::vector<Route>& routes) {
  const Parameter all_or_nothing{"all_or_nothing", boolean().defaulting(false), "one wrong record refuses them all"};
  const Schema gone = object({need("id", text(512), ""), need("deleted", boolean(), "")});
  routes.push_back({.method = "GET", .path = "/v1/items", .operation = "listItems", .tag = "data",
                    .summary = "Search items by text or id; without a query the first of the catalogue",
                    .query = {{"query", text(4096), "words of title and attributes, or an id"},
                              {"limit", integer(1, 1000).defaulting(20), "how many"}},
                    .answer = item_list_schema(), .handler = list_items});
  routes.push_back({.method = "POST", .path = "/v1/items", .operation = "putItems", .tag = "data",
                    .summary = "Put many items: a list, {\"items\": […]}, or one object per line",
                    .description = "Wrong records are reported with their line and the others are stored, unless "
                                   "all_or_nothing is set. A new item can be recommended at once, without training.",
                    .query = {all_or_nothing}, .takes = Body::json_or_lines,
                    .body = list(item_schema(), kMaxRecords), .answer = bulk_answer_schema(), .handler = post_items});
  routes.push_back({.method = "GET", .path = "/v1/items/{id}", .operation = "getItem", .tag = "data",
                    .summary = "One item as stored",
                    .query = {{"vectors", boolean().defaulting(false), "return its vectors too"}},
                    .answer = stored_item_schema(), .handler = get_item});
  routes.push_back({.method = "PUT", .path = "/v1/items/{id}", .operation = "putItem", .tag = "data",
                    .summary = "Put one item, replacing the whole record", .takes = Body::json,
                    .body = item_schema(), .answer = put_answer_schema(), .handler = put_item});
  routes.push_back({.method = "PATCH", .path = "/v1/items/{id}", .operation = "patchItem", .tag = "data",
                    .summary = "Change some fields of an item", .takes = Body::json,
                    .body = item_patch_schema(), .answer = stored_item_schema(), .handler = patch_item});
  routes.push_back({.method = "DELETE", .path = "/v1/items/{id}", .operation = "deleteItem", .tag = "data",
                    .summary = "Never show an item again; histories keep it",
                    .answer = gone, .handler = delete_item});
  routes.push_back({.method = "GET", .path = "/v1/items/{id}/card", .operation = "getItemCard", .tag = "serve",
                    .summary = "An item with its semantic ID and its neighbours",
                    .answer = item_card_schema(), .handler = get_card});
  routes.push_back({.method = "GET", .path = "/admin/v1/semantic-ids/{item}", .operation = "getSemanticId", .tag = "models",
                    .summary = "The semantic ID of an item and who shares its prefix",
                    .answer = semantic_id_schema(), .handler = get_semantic_id});
}

}  // namespace penchant::service
