#pragma once
/// \file Store on SQLite. Internal to store: callers use open_store.
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "penchant/store/sqlite_database.h"
#include "penchant/store/store.h"
#include "penchant/store/write_queue.h"

namespace penchant::store {

/// Read-only connections, one per reader at a time. Threads: any.
class ReadPool {
 public:
  ReadPool(std::string path, DatabaseOptions options) : path_(std::move(path)), options_(std::move(options)) {
    options_.read_only = true;
  }
  /// A connection on loan, inside a read transaction: everything it sees is of one moment.
  class Lease {
   public:
    Lease(ReadPool* pool, std::unique_ptr<Database> db) : pool_(pool), db_(std::move(db)) {}
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    Database& operator*() { return *db_; }
    Database* operator->() { return db_.get(); }

   private:
    ReadPool* pool_;  ///< outlives the lease
    std::unique_ptr<Database> db_;
  };
  Result<Lease> take();

 private:
  static constexpr std::size_t kKept = 16;
  std::string path_;
  DatabaseOptions options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Database>> idle_;  ///< guarded by mutex_
};

class SqliteStore final : public Store {
 public:
  SqliteStore(std::unique_ptr<Database> writer, const std::string& path, const DatabaseOptions& options)
      : writer_(std::move(writer)),
        readers_(path, options),
        queue_(*writer_),
        read_only_(options.read_only) {}

  Result<std::vector<ItemId>> put_items(std::span<const Item> items) override;
  Result<std::vector<UserId>> put_users(std::span<const User> users) override;
  Result<Item> get_item(std::string_view id) override;
  Result<User> get_user(std::string_view id) override;
  Status delete_item(std::string_view id) override;
  Status delete_user(std::string_view id) override;
  Result<std::optional<ItemId>> find_item(std::string_view id) override;
  Result<std::optional<UserId>> find_user(std::string_view id) override;
  Status scan_items(const std::function<bool(ItemId, Item&&)>& visit, bool with_vectors) override;
  Status scan_users(const std::function<bool(UserId, User&&)>& visit) override;
  Result<AppendReport> append_events(std::span<const Event> events, const AppendOptions& options) override;
  Result<std::vector<StoredEvent>> user_events(UserId user, std::size_t limit) override;
  Status scan_events_by_user(const std::function<bool(const StoredEvent&)>& visit) override;
  Status scan_events_after(std::uint64_t after,
                           const std::function<bool(const StoredEvent&)>& visit) override;
  Result<std::vector<EventType>> event_types() override;
  Status put_event_type(const EventType& type) override;
  Result<std::uint64_t> put_embeddings(std::span<const UserEmbedding> embeddings) override;
  Result<std::optional<UserEmbedding>> get_embedding(UserId user) override;
  Status scan_embeddings(const std::function<bool(UserEmbedding&&)>& visit) override;
  Status add_release(const ReleaseRow& release) override;
  Result<std::vector<ReleaseRow>> releases() override;
  Status promote(std::string_view name) override;
  Status put_setting(std::string_view key, std::string_view value) override;
  Result<std::optional<std::string>> get_setting(std::string_view key) override;
  Result<Counts> counts() override;

 private:
  Status write(const std::function<Status(Database&)>& change);

  std::unique_ptr<Database> writer_;
  ReadPool readers_;
  WriteQueue queue_;
  bool read_only_;
};

/// Weight of an event type when it is first seen: what its name says, else 1.
[[nodiscard]] double default_weight(std::string_view type);

/// Inserts the events inside the current transaction. Defined in append_events.cc.
Result<AppendReport> append_in_transaction(Database& db, std::span<const Event> events,
                                           const AppendOptions& options);

/// Type number of `name`, made with its default weight when new.
Result<std::int64_t> type_number(Database& db, std::string_view name);

// Row numbers inside the current transaction, made when absent.
struct RowOf {
  std::int64_t row = 0;
  bool created = false;
};
Result<std::optional<std::int64_t>> find_item_row(Database& db, std::string_view id);
Result<std::optional<std::int64_t>> find_user_row(Database& db, std::string_view id);
Result<RowOf> item_row(Database& db, std::string_view id);
Result<RowOf> user_row(Database& db, std::string_view id);

/// Numbers of a stored vector. \param what names it in the message; corrupt when the bytes are no vector
Result<std::vector<float>> vector_of(const Database& db, std::span<const std::byte> bytes, const std::string& what);

/// Field checks before anything is written; `field` names the place ("items[3].id").
Status check_id(std::string_view id, const std::string& field);
Status check_attributes(const catalog::Attributes& attributes, const std::string& field);
/// 1 to 65,536 finite numbers.
Status check_vector(std::span<const float> values, const std::string& field);

}  // namespace penchant::store
