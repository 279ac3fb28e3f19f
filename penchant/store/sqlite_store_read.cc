#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "penchant/catalog/json.h"
#include "penchant/catalog/text_form.h"
#include "penchant/store/schema.h"
#include "penchant/store/sqlite_store.h"

namespace penchant::store {
namespace {

Error damaged(Database& db, const std::string& what, Error cause) {
  return {ErrorCode::corrupt, db.path() + ": " + what + ": " + cause.message};
}

/// Columns: row, id, title, attributes, created_ms, available.
Result<Item> item_at(Database& db, const Statement& row) {
  Item item;
  item.id = row.text(1);
  item.title = row.text(2);
  auto attributes = catalog::attributes_from_json(row.text(3));
  if (!attributes.ok())
    return damaged(db, "items row " + std::to_string(row.integer(0)), std::move(attributes).error());
  item.attributes = std::move(attributes).value();
  item.created_ms = row.integer(4);
  item.available = row.integer(5) != 0;
  return item;
}

/// Columns: item, modality, vector.
Result<catalog::ModalityVector> vector_at(Database& db, const Statement& row) {
  PENCHANT_TRY(values, vector_of(db, row.blob(2), "item_vectors of row " + std::to_string(row.integer(0))));
  return catalog::ModalityVector{std::string(row.text(1)), std::move(values)};
}

/// Columns: seq, user, item, type, value, time_ms.
StoredEvent event_at(const Statement& row) {
  StoredEvent event;
  event.seq = static_cast<std::uint64_t>(row.integer(0));
  event.user = static_cast<UserId>(row.integer(1));
  event.item = static_cast<ItemId>(row.integer(2));
  event.type = static_cast<std::uint16_t>(row.integer(3));
  event.value = row.is_null(4) ? std::numeric_limits<double>::quiet_NaN() : row.real(4);
  event.time_ms = row.integer(5);
  return event;
}

Status scan_events(Statement& rows, const std::function<bool(const StoredEvent&)>& visit) {
  for (;;) {
    PENCHANT_TRY(more, rows.step());
    if (!more || !visit(event_at(rows))) return {};
  }
}

}  // namespace

Result<std::vector<float>> vector_of(const Database& db, std::span<const std::byte> bytes, const std::string& what) {
  if (bytes.empty() || bytes.size() % sizeof(float) != 0 || bytes.size() / sizeof(float) > catalog::kMaxVectorDim)
    return Error{ErrorCode::corrupt, db.path() + ": " + what + ": " + std::to_string(bytes.size()) + " bytes"};
  std::vector<float> out(bytes.size() / sizeof(float));
  std::memcpy(out.data(), bytes.data(), bytes.size());
  return out;
}

ReadPool::Lease::~Lease() {
  if (!db_) return;
  if (db_->in_transaction()) (void)db_->execute("COMMIT");
  const std::lock_guard lock(pool_->mutex_);
  if (pool_->idle_.size() < kKept) pool_->idle_.push_back(std::move(db_));
}

Result<ReadPool::Lease> ReadPool::take() {
  std::unique_ptr<Database> db;
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      db = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (!db) {
    PENCHANT_TRY(opened, Database::open(path_, options_));
    db = std::move(opened);
    PENCHANT_DO(db->execute("PRAGMA cache_size=-16384"));
  }
  PENCHANT_DO(db->execute("BEGIN"));
  return Lease(this, std::move(db));
}

Result<Item> SqliteStore::get_item(std::string_view id) {
  PENCHANT_TRY(db, readers_.take());
  PENCHANT_TRY(
      find, db->prepare("SELECT row, id, title, attributes, created_ms, available FROM items WHERE id = ?1"));
  find.bind(1, id);
  PENCHANT_TRY(found, find.step());
  if (!found) return Error{ErrorCode::not_found, "no item '" + catalog::quoted_for_message(id) + "'"};
  PENCHANT_TRY(item, item_at(*db, find));
  PENCHANT_TRY(
      vectors,
      db->prepare("SELECT item, modality, vector FROM item_vectors WHERE item = ?1 ORDER BY modality"));
  vectors.bind(1, find.integer(0));
  for (;;) {
    PENCHANT_TRY(more, vectors.step());
    if (!more) return item;
    PENCHANT_TRY(vector, vector_at(*db, vectors));
    item.vectors.push_back(std::move(vector));
  }
}

Result<User> SqliteStore::get_user(std::string_view id) {
  PENCHANT_TRY(db, readers_.take());
  PENCHANT_TRY(find, db->prepare("SELECT attributes FROM users WHERE id = ?1"));
  find.bind(1, id);
  PENCHANT_TRY(found, find.step());
  if (!found) return Error{ErrorCode::not_found, "no user '" + catalog::quoted_for_message(id) + "'"};
  auto attributes = catalog::attributes_from_json(find.text(0));
  if (!attributes.ok())
    return damaged(*db, "user '" + catalog::quoted_for_message(id) + "'", std::move(attributes).error());
  return User{std::string(id), std::move(attributes).value()};
}

Result<std::optional<ItemId>> SqliteStore::find_item(std::string_view id) {
  PENCHANT_TRY(db, readers_.take());
  PENCHANT_TRY(row, find_item_row(*db, id));
  return row ? std::optional(static_cast<ItemId>(*row)) : std::nullopt;
}

Result<std::optional<UserId>> SqliteStore::find_user(std::string_view id) {
  PENCHANT_TRY(db, readers_.take());
  PENCHANT_TRY(row, find_user_row(*db, id));
  return row ? std::optional(static_cast<UserId>(*row)) : std::nullopt;
}

Status SqliteStore::scan_items(const std::function<bool(ItemId, Item&&)>& visit, bool with_vectors) {
  PENCHANT_TRY(db, readers_.take());
  PENCHANT_TRY(
      rows, db->prepare("SELECT row, id, title, attributes, created_ms, available FROM items ORDER BY row"));
  PENCHANT_TRY(vectors,
               db->prepare("SELECT item, modality, vector FROM item_vectors ORDER BY item, modality"));
  bool pending = false;  // `vectors` stands on a row that is not used yet
  if (with_vectors) {
    PENCHANT_TRY(first, vectors.step());
    pending = first;
  }
  for (;;) {
    PENCHANT_TRY(more, rows.step());
    if (!more) return {};
    const std::int64_t row = rows.integer(0);
    PENCHANT_TRY(item, item_at(*db, rows));
    while (pending && vectors.integer(0) <= row) {
      if (vectors.integer(0) == row) {
        PENCHANT_TRY(vector, vector_at(*db, vectors));
        item.vectors.push_back(std::move(vector));
      }
      PENCHANT_TRY(next, vectors.step());
      pending = next;
    }
    if (!visit(static_cast<ItemId>(row), std::move(item))) return {};
  }
}

Status SqliteStore::scan_users(const std::function<bool(UserId, User&&)>& visit) {
  PENCHANT_TRY(db, readers_.take());
  PENCHANT_TRY(rows, db->prepare("SELECT row, id, attributes FROM users WHERE id IS NOT NULL ORDER BY row"));
  for (;;) {
    PENCHANT_TRY(more, rows.step());
    if (!more) return {};
    auto attributes = catalog::attributes_from_json(rows.text(2));
    if (!attributes.ok())
      return damaged(*db, "users row " + std::to_string(rows.integer(0)), std::move(attributes).error());
    if (!visit(static_cast<UserId>(rows.integer(0)),
               User{std::string(rows.text(1)), std::move(attributes).value()}))
      return {};
  }
}

Result<std::vector<StoredEvent>> SqliteStore::user_events(UserId user, std::size_t limit) {
  PENCHANT_TRY(db, readers_.take());
  PENCHANT_TRY(rows, db->prepare("SELECT seq, user, item, type, value, time_ms FROM events WHERE user = ?1 "
                                 "ORDER BY time_ms DESC, seq DESC LIMIT ?2"));
  const auto most = static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max());
  rows.bind(1, std::int64_t{catalog::index(user)}).bind(2, static_cast<std::int64_t>(std::min(limit, most)));
  std::vector<StoredEvent> out;
  PENCHANT_DO(scan_events(rows, [&](const StoredEvent& event) {
    out.push_back(event);
    return true;
  }));
  std::reverse(out.begin(), out.end());
  return out;
}

Status SqliteStore::scan_events_by_user(const std::function<bool(const StoredEvent&)>& visit) {
  PENCHANT_TRY(db, readers_.take());
  PENCHANT_TRY(
      rows,
      db->prepare("SELECT seq, user, item, type, value, time_ms FROM events ORDER BY user, time_ms, seq"));
  return scan_events(rows, visit);
}

Status SqliteStore::scan_events_after(std::uint64_t after,
                                      const std::function<bool(const StoredEvent&)>& visit) {
  if (after > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return {};
  PENCHANT_TRY(db, readers_.take());
  PENCHANT_TRY(rows, db->prepare("SELECT seq, user, item, type, value, time_ms FROM events INDEXED BY "
                                 "events_seq WHERE seq > ?1 ORDER BY seq"));
  rows.bind(1, static_cast<std::int64_t>(after));
  return scan_events(rows, visit);
}

Result<std::vector<EventType>> SqliteStore::event_types() {
  PENCHANT_TRY(db, readers_.take());
  PENCHANT_TRY(rows, db->prepare("SELECT name, weight FROM event_types ORDER BY type"));
  std::vector<EventType> out;
  for (;;) {
    PENCHANT_TRY(more, rows.step());
    if (!more) return out;
    out.push_back({std::string(rows.text(0)), rows.real(1)});
  }
}

Result<std::vector<ReleaseRow>> SqliteStore::releases() {
  PENCHANT_TRY(db, readers_.take());
  PENCHANT_TRY(rows, db->prepare("SELECT name, created_ms, live FROM releases ORDER BY created_ms, name"));
  std::vector<ReleaseRow> out;
  for (;;) {
    PENCHANT_TRY(more, rows.step());
    if (!more) return out;
    out.push_back({std::string(rows.text(0)), rows.integer(1), rows.integer(2) != 0});
  }
}

Result<std::optional<std::string>> SqliteStore::get_setting(std::string_view key) {
  PENCHANT_TRY(db, readers_.take());
  PENCHANT_TRY(find, db->prepare("SELECT value FROM settings WHERE key = ?1"));
  find.bind(1, key);
  PENCHANT_TRY(found, find.step());
  return found ? std::optional(std::string(find.text(0))) : std::nullopt;
}

Result<Counts> SqliteStore::counts() {
  PENCHANT_TRY(db, readers_.take());
  Counts out;
  const std::pair<const char*, std::uint64_t*> sizes[] = {
      {"SELECT COALESCE(MAX(row) + 1, 0) FROM items", &out.items},
      {"SELECT count(*) FROM users WHERE id IS NOT NULL", &out.users},
      {"SELECT value FROM counters WHERE name = 'events'", &out.events}};
  for (const auto& [sql, target] : sizes) {
    PENCHANT_TRY(value, db->query_integer(sql));
    *target = static_cast<std::uint64_t>(value);
  }
  PENCHANT_TRY(first, db->query_integer("SELECT value FROM counters WHERE name = 'first_event_ms'"));
  PENCHANT_TRY(last, db->query_integer("SELECT value FROM counters WHERE name = 'last_event_ms'"));
  out.first_event_ms = first;
  out.last_event_ms = last;
  return out;
}

}  // namespace penchant::store
