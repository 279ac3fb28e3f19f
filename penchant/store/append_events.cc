#include <cmath>
#include <unordered_map>

#include "penchant/catalog/text_form.h"
#include "penchant/store/sqlite_store.h"

namespace penchant::store {
namespace {

constexpr std::size_t kMaxTypeBytes = 64;
constexpr std::int64_t kMaxTypes = 1000;

Status check_event(const Event& event, std::size_t at) {
  const auto field = [&](const char* name) { return "events[" + std::to_string(at) + "]." + name; };
  PENCHANT_DO(check_id(event.user, field("user")));
  PENCHANT_DO(check_id(event.item, field("item")));
  if (event.type.empty() || event.type.size() > kMaxTypeBytes || !catalog::valid_utf8(event.type))
    return invalid(field("type") + ": 1 to " + std::to_string(kMaxTypeBytes) + " bytes of UTF-8 are wanted");
  if (event.value && !std::isfinite(*event.value))
    return invalid(field("value") + ": a finite number is wanted");
  if (event.idempotency_key.size() > catalog::kMaxIdBytes)
    return invalid(field("idempotency_key") + ": at most " + std::to_string(catalog::kMaxIdBytes) + " bytes");
  if (event.recommendation_id.size() > catalog::kMaxIdBytes)
    return invalid(field("recommendation_id") + ": at most " + std::to_string(catalog::kMaxIdBytes) +
                   " bytes");
  return {};
}

/// Rows found in this transaction; keys view into the caller's events.
using RowCache = std::unordered_map<std::string_view, std::int64_t>;

}  // namespace

double default_weight(std::string_view type) {
  const std::string name = catalog::fold_case(type);
  static constexpr std::pair<const char*, double> kKnown[] = {
      {"impression", 0},  {"purchase", 3},  {"buy", 3},   {"order", 3},    {"apply", 3},     {"cart", 2},
      {"add_to_cart", 2}, {"addtocart", 2}, {"like", 2},  {"favorite", 2}, {"favourite", 2}, {"bookmark", 2},
      {"dislike", -1},    {"hide", -1},     {"skip", -1}, {"cancel", -1},  {"return", -1},   {"refund", -1}};
  for (const auto& [known, weight] : kKnown)
    if (name == known) return weight;
  return 1;
}

Result<std::int64_t> type_number(Database& db, std::string_view name) {
  {
    PENCHANT_TRY(find, db.prepare("SELECT type FROM event_types WHERE name = ?1"));
    find.bind(1, name);
    PENCHANT_TRY(found, find.step());
    if (found) return find.integer(0);
  }
  PENCHANT_TRY(number, db.query_integer("SELECT count(*) FROM event_types"));
  if (number >= kMaxTypes)
    return Error{ErrorCode::resource_exhausted, "event type '" + catalog::quoted_for_message(name) +
                                                    "': there are already " + std::to_string(kMaxTypes) +
                                                    " types; is an id in the type field?"};
  PENCHANT_TRY(add, db.prepare("INSERT INTO event_types(type, name, weight) VALUES (?1, ?2, ?3)"));
  add.bind(1, number).bind(2, name).bind(3, default_weight(name));
  PENCHANT_DO(add.run());
  return number;
}

Result<AppendReport> append_in_transaction(Database& db, std::span<const Event> events,
                                           const AppendOptions& options) {
  AppendReport report;
  RowCache users, items, types;
  PENCHANT_TRY(next_seq, db.query_integer("SELECT value FROM counters WHERE name = 'next_seq'"));
  PENCHANT_TRY(count, db.query_integer("SELECT value FROM counters WHERE name = 'events'"));
  PENCHANT_TRY(first_ms, db.query_integer("SELECT value FROM counters WHERE name = 'first_event_ms'"));
  PENCHANT_TRY(last_ms, db.query_integer("SELECT value FROM counters WHERE name = 'last_event_ms'"));
  PENCHANT_TRY(seen, db.prepare("SELECT 1 FROM events WHERE key = ?1"));
  PENCHANT_TRY(insert, db.prepare("INSERT INTO events(user, time_ms, seq, item, type, value, key, "
                                  "recommendation) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"));
  for (std::size_t i = 0; i < events.size(); ++i) {
    const Event& event = events[i];
    PENCHANT_DO(check_event(event, i));
    if (!event.idempotency_key.empty()) {
      seen.bind(1, std::string_view(event.idempotency_key));
      PENCHANT_TRY(duplicate, seen.step());
      seen.reset();
      if (duplicate) {
        ++report.duplicates;
        continue;
      }
    }
    auto user = users.find(event.user);
    if (user == users.end()) {
      PENCHANT_TRY(found, find_user_row(db, event.user));
      if (!found && !options.create_unknown_users)
        return Error{ErrorCode::not_found, "events[" + std::to_string(i) + "].user '" +
                                               catalog::quoted_for_message(event.user) +
                                               "': no such user; put the user first"};
      RowOf row{found.value_or(0), false};
      if (!found) {
        PENCHANT_TRY(made, user_row(db, event.user));
        row = made;
      }
      report.created_users += row.created ? 1 : 0;
      user = users.emplace(event.user, row.row).first;
    }
    auto item = items.find(event.item);
    if (item == items.end()) {
      PENCHANT_TRY(found, find_item_row(db, event.item));
      if (!found && !options.create_unknown_items)
        return Error{ErrorCode::not_found, "events[" + std::to_string(i) + "].item '" +
                                               catalog::quoted_for_message(event.item) +
                                               "': no such item; put the item first"};
      RowOf row{found.value_or(0), false};
      if (!found) {
        PENCHANT_TRY(made, item_row(db, event.item));
        row = made;
      }
      report.created_items += row.created ? 1 : 0;
      item = items.emplace(event.item, row.row).first;
    }
    auto type = types.find(event.type);
    if (type == types.end()) {
      PENCHANT_TRY(number, type_number(db, event.type));
      type = types.emplace(event.type, number).first;
    }
    insert.bind(1, user->second)
        .bind(2, event.time_ms)
        .bind(3, next_seq)
        .bind(4, item->second)
        .bind(5, type->second);
    event.value ? insert.bind(6, *event.value) : insert.bind_null(6);
    event.idempotency_key.empty() ? insert.bind_null(7)
                                  : insert.bind(7, std::string_view(event.idempotency_key));
    event.recommendation_id.empty() ? insert.bind_null(8)
                                    : insert.bind(8, std::string_view(event.recommendation_id));
    PENCHANT_DO(insert.run());
    first_ms = count == 0 ? event.time_ms : std::min(first_ms, event.time_ms);
    last_ms = count == 0 ? event.time_ms : std::max(last_ms, event.time_ms);
    ++next_seq;
    ++count;
    ++report.accepted;
  }
  if (report.accepted == 0) return report;
  PENCHANT_TRY(set, db.prepare("UPDATE counters SET value = ?2 WHERE name = ?1"));
  const std::pair<std::string_view, std::int64_t> counters[] = {
      {"next_seq", next_seq}, {"events", count}, {"first_event_ms", first_ms}, {"last_event_ms", last_ms}};
  for (const auto& [name, value] : counters) {
    set.bind(1, name).bind(2, value);
    PENCHANT_DO(set.run());
  }
  return report;
}

}  // namespace penchant::store
