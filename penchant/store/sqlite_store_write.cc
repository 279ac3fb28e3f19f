#include <algorithm>
#include <cmath>
#include <filesystem>

#include "penchant/catalog/json.h"
#include "penchant/catalog/text_form.h"
#include "penchant/store/schema.h"
#include "penchant/store/sqlite_store.h"

namespace penchant::store {

Status check_id(std::string_view id, const std::string& field) {
  if (id.empty() || id.size() > catalog::kMaxIdBytes || !catalog::valid_utf8(id) ||
      id.find('\0') != std::string_view::npos)
    return invalid(field + ": 1 to " + std::to_string(catalog::kMaxIdBytes) +
                   " bytes of UTF-8 are wanted, this has " + std::to_string(id.size()));
  return {};
}

Status check_attributes(const catalog::Attributes& attributes, const std::string& field) {
  if (attributes.size() > catalog::kMaxAttributes)
    return invalid(field + ": " + std::to_string(attributes.size()) + " attributes; at most " +
                   std::to_string(catalog::kMaxAttributes));
  for (const auto& [name, value] : attributes) {
    const std::string at = field + "." + catalog::quoted_for_message(name);
    if (name.empty() || name.size() > catalog::kMaxIdBytes || !catalog::valid_utf8(name))
      return invalid(at + ": not a name of 1 to 512 bytes of UTF-8");
    if (const auto* number = std::get_if<double>(&value); number != nullptr && !std::isfinite(*number))
      return invalid(at + ": a finite number is wanted");
    const auto bad = [](const std::string& text) {
      return text.size() > catalog::kMaxTextBytes || !catalog::valid_utf8(text);
    };
    const auto* text = std::get_if<std::string>(&value);
    const auto* list = std::get_if<std::vector<std::string>>(&value);
    if ((text != nullptr && bad(*text)) || (list != nullptr && std::any_of(list->begin(), list->end(), bad)))
      return invalid(at + ": at most " + std::to_string(catalog::kMaxTextBytes) + " bytes of UTF-8 are kept");
  }
  return {};
}

Status check_vector(std::span<const float> values, const std::string& field) {
  if (values.empty() || values.size() > catalog::kMaxVectorDim) return invalid(field + ": 1 to 65536 numbers are wanted");
  for (const float x : values)
    if (!std::isfinite(x)) return invalid(field + ": holds a number that is not finite");
  return {};
}

Result<std::optional<std::int64_t>> find_item_row(Database& db, std::string_view id) {
  PENCHANT_TRY(find, db.prepare("SELECT row FROM items WHERE id = ?1"));
  find.bind(1, id);
  PENCHANT_TRY(found, find.step());
  return found ? std::optional(find.integer(0)) : std::nullopt;
}

Result<std::optional<std::int64_t>> find_user_row(Database& db, std::string_view id) {
  PENCHANT_TRY(find, db.prepare("SELECT row FROM users WHERE id = ?1"));
  find.bind(1, id);
  PENCHANT_TRY(found, find.step());
  return found ? std::optional(find.integer(0)) : std::nullopt;
}

Result<RowOf> item_row(Database& db, std::string_view id) {
  PENCHANT_TRY(found, find_item_row(db, id));
  if (found) return RowOf{*found, false};
  PENCHANT_TRY(row, db.query_integer("SELECT COALESCE(MAX(row) + 1, 0) FROM items"));
  PENCHANT_TRY(add, db.prepare("INSERT INTO items(row, id) VALUES (?1, ?2)"));
  add.bind(1, row).bind(2, id);
  PENCHANT_DO(add.run());
  return RowOf{row, true};
}

Result<RowOf> user_row(Database& db, std::string_view id) {
  PENCHANT_TRY(found, find_user_row(db, id));
  if (found) return RowOf{*found, false};
  PENCHANT_TRY(row, db.query_integer("SELECT COALESCE(MAX(row) + 1, 0) FROM users"));
  PENCHANT_TRY(add, db.prepare("INSERT INTO users(row, id) VALUES (?1, ?2)"));
  add.bind(1, row).bind(2, id);
  PENCHANT_DO(add.run());
  return RowOf{row, true};
}

namespace {

Status check_item(const Item& item, const std::string& field) {
  PENCHANT_DO(check_id(item.id, field + ".id"));
  if (item.title.size() > catalog::kMaxTextBytes || !catalog::valid_utf8(item.title))
    return invalid(field + ".title: at most " + std::to_string(catalog::kMaxTextBytes) +
                   " bytes of UTF-8 are kept");
  PENCHANT_DO(check_attributes(item.attributes, field + ".attributes"));
  if (item.vectors.size() > catalog::kMaxVectors)
    return invalid(field + ".vectors: at most " + std::to_string(catalog::kMaxVectors));
  for (const auto& vector : item.vectors) {
    const std::string at = field + ".vectors." + catalog::quoted_for_message(vector.modality);
    if (vector.modality.empty() || vector.modality.size() > 64 || !catalog::valid_utf8(vector.modality))
      return invalid(at + ": a modality name has 1 to 64 bytes");
    PENCHANT_DO(check_vector(vector.values, at));
  }
  return {};
}

Status write_item(Database& db, const Item& item, std::int64_t row) {
  const std::string attributes = catalog::to_json(item.attributes);
  {
    PENCHANT_TRY(set, db.prepare("UPDATE items SET title = ?2, attributes = ?3, available = ?4, "
                                 "created_ms = CASE WHEN ?5 = 0 THEN created_ms ELSE ?5 END WHERE row = ?1"));
    set.bind(1, row)
        .bind(2, std::string_view(item.title))
        .bind(3, std::string_view(attributes))
        .bind(4, std::int64_t{item.available})
        .bind(5, item.created_ms);
    PENCHANT_DO(set.run());
  }
  PENCHANT_TRY(clear, db.prepare("DELETE FROM item_vectors WHERE item = ?1"));
  clear.bind(1, row);
  PENCHANT_DO(clear.run());
  for (const auto& vector : item.vectors) {
    PENCHANT_TRY(
        add, db.prepare("INSERT OR REPLACE INTO item_vectors(item, modality, vector) VALUES (?1, ?2, ?3)"));
    add.bind(1, row)
        .bind(2, std::string_view(vector.modality))
        .bind_blob(3, std::as_bytes(std::span(vector.values)));
    PENCHANT_DO(add.run());
  }
  return {};
}

Status set_counter(Database& db, std::string_view name, std::int64_t value) {
  PENCHANT_TRY(set, db.prepare("UPDATE counters SET value = ?2 WHERE name = ?1"));
  set.bind(1, name).bind(2, value);
  return set.run();
}

}  // namespace

Status SqliteStore::write(const std::function<Status(Database&)>& change) {
  if (read_only_) return invalid(writer_->path() + ": opened read-only; this call writes");
  return queue_.run(change);
}

Result<std::vector<ItemId>> SqliteStore::put_items(std::span<const Item> items) {
  for (std::size_t i = 0; i < items.size(); ++i)
    PENCHANT_DO(check_item(items[i], "items[" + std::to_string(i) + "]"));
  std::vector<ItemId> rows;
  PENCHANT_DO(write([&](Database& db) -> Status {
    rows.clear();
    for (const auto& item : items) {
      PENCHANT_TRY(row, item_row(db, item.id));
      PENCHANT_DO(write_item(db, item, row.row));
      rows.push_back(static_cast<ItemId>(row.row));
    }
    return {};
  }));
  return rows;
}

Result<std::vector<UserId>> SqliteStore::put_users(std::span<const User> users) {
  for (std::size_t i = 0; i < users.size(); ++i) {
    const std::string field = "users[" + std::to_string(i) + "]";
    PENCHANT_DO(check_id(users[i].id, field + ".id"));
    PENCHANT_DO(check_attributes(users[i].attributes, field + ".attributes"));
  }
  std::vector<UserId> rows;
  PENCHANT_DO(write([&](Database& db) -> Status {
    rows.clear();
    for (const auto& user : users) {
      PENCHANT_TRY(row, user_row(db, user.id));
      const std::string attributes = catalog::to_json(user.attributes);
      PENCHANT_TRY(set, db.prepare("UPDATE users SET attributes = ?2 WHERE row = ?1"));
      set.bind(1, row.row).bind(2, std::string_view(attributes));
      PENCHANT_DO(set.run());
      rows.push_back(static_cast<UserId>(row.row));
    }
    return {};
  }));
  return rows;
}

Status SqliteStore::delete_item(std::string_view id) {
  return write([&](Database& db) -> Status {
    PENCHANT_TRY(row, find_item_row(db, id));
    if (!row) return Error{ErrorCode::not_found, "no item '" + catalog::quoted_for_message(id) + "'"};
    PENCHANT_TRY(set, db.prepare("UPDATE items SET available = 0 WHERE row = ?1"));
    set.bind(1, *row);
    return set.run();
  });
}

Status SqliteStore::delete_user(std::string_view id) {
  PENCHANT_DO(write([&](Database& db) -> Status {
    PENCHANT_TRY(row, find_user_row(db, id));
    if (!row) return Error{ErrorCode::not_found, "no user '" + catalog::quoted_for_message(id) + "'"};
    PENCHANT_TRY(events, db.prepare("DELETE FROM events WHERE user = ?1"));
    events.bind(1, *row);
    PENCHANT_DO(events.run());
    const std::int64_t removed = db.changed_rows();
    PENCHANT_TRY(embedding, db.prepare("DELETE FROM user_embeddings WHERE user = ?1"));
    embedding.bind(1, *row);
    PENCHANT_DO(embedding.run());
    PENCHANT_TRY(user, db.prepare("UPDATE users SET id = NULL, attributes = '{}' WHERE row = ?1"));
    user.bind(1, *row);
    PENCHANT_DO(user.run());
    PENCHANT_TRY(count, db.query_integer("SELECT value FROM counters WHERE name = 'events'"));
    PENCHANT_DO(set_counter(db, "events", count - removed));
    PENCHANT_TRY(first, db.query_integer("SELECT COALESCE(MIN(time_ms), 0) FROM events"));
    PENCHANT_TRY(last, db.query_integer("SELECT COALESCE(MAX(time_ms), 0) FROM events"));
    PENCHANT_DO(set_counter(db, "first_event_ms", first));
    return set_counter(db, "last_event_ms", last);
  }));
  // The old pages also stand in the log: write it back and empty it. Readers may hold it for a
  // while; the next checkpoint then does it, so a failure here is no failure of the deletion.
  (void)queue_.run_outside([](Database& db) { return db.execute("PRAGMA wal_checkpoint(TRUNCATE)"); });
  return {};
}

Result<AppendReport> SqliteStore::append_events(std::span<const Event> events, const AppendOptions& options) {
  AppendReport report;
  if (events.empty()) return report;
  PENCHANT_DO(write([&](Database& db) -> Status {
    PENCHANT_TRY(done, append_in_transaction(db, events, options));
    report = done;
    return {};
  }));
  return report;
}

Status SqliteStore::put_event_type(const EventType& type) {
  if (type.name.empty() || type.name.size() > 64 || !catalog::valid_utf8(type.name))
    return invalid("event type name: 1 to 64 bytes of UTF-8 are wanted");
  if (!std::isfinite(type.weight)) return invalid("event type weight: a finite number is wanted");
  return write([&](Database& db) -> Status {
    PENCHANT_TRY(number, type_number(db, type.name));
    PENCHANT_TRY(set, db.prepare("UPDATE event_types SET weight = ?2 WHERE type = ?1"));
    set.bind(1, number).bind(2, type.weight);
    return set.run();
  });
}

Status SqliteStore::add_release(const ReleaseRow& release) {
  PENCHANT_DO(check_id(release.name, "release.name"));
  return write([&](Database& db) -> Status {
    if (release.live) PENCHANT_DO(db.execute("UPDATE releases SET live = 0"));
    PENCHANT_TRY(add, db.prepare("INSERT INTO releases(name, created_ms, live) VALUES (?1, ?2, ?3) "
                                 "ON CONFLICT(name) DO UPDATE SET created_ms = ?2, live = max(live, ?3)"));
    add.bind(1, std::string_view(release.name))
        .bind(2, release.created_ms)
        .bind(3, std::int64_t{release.live});
    return add.run();
  });
}

Status SqliteStore::promote(std::string_view name) {
  return write([&](Database& db) -> Status {
    {
      PENCHANT_TRY(find, db.prepare("SELECT 1 FROM releases WHERE name = ?1"));
      find.bind(1, name);
      PENCHANT_TRY(found, find.step());
      if (!found)
        return Error{ErrorCode::not_found, "no release '" + catalog::quoted_for_message(name) + "'"};
    }
    PENCHANT_TRY(set, db.prepare("UPDATE releases SET live = (name = ?1)"));
    set.bind(1, name);
    return set.run();
  });
}

Status SqliteStore::put_setting(std::string_view key, std::string_view value) {
  PENCHANT_DO(check_id(key, "setting"));
  return write([&](Database& db) -> Status {
    PENCHANT_TRY(
        put,
        db.prepare(
            "INSERT INTO settings(key, value) VALUES (?1, ?2) ON CONFLICT(key) DO UPDATE SET value = ?2"));
    put.bind(1, key).bind(2, value);
    return put.run();
  });
}

Result<std::unique_ptr<Store>> open_store(const std::string& home, const StoreOptions& options) {
  const std::string path = (std::filesystem::path(home) / "penchant.db").string();
  std::error_code error;
  if (!options.read_only && options.create) std::filesystem::create_directories(home, error);
  if (error) return Error{ErrorCode::io, home + ": the folder cannot be made (" + error.message() + ")"};
  if (!std::filesystem::exists(path, error) && (options.read_only || !options.create))
    return Error{ErrorCode::not_found,
                 path + ": no store here; import data first, or name another home folder"};
  PENCHANT_DO(check_file(path));
  const DatabaseOptions database{options.read_only, options.create, options.busy_timeout_ms, options.vfs};
  PENCHANT_TRY(writer, Database::open(path, database));
  PENCHANT_DO(options.read_only ? check_schema(*writer) : prepare_schema(*writer, options.create));
  return std::unique_ptr<Store>(std::make_unique<SqliteStore>(std::move(writer), path, database));
}

}  // namespace penchant::store
