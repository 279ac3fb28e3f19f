#pragma once
/// \file Where items, users, events and releases live. One interface; SQLite is the default
/// implementation, PostgreSQL will be the second. Layer 3.
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/result.h"
#include "penchant/catalog/item.h"

namespace penchant::store {

using catalog::Event;
using catalog::Item;
using catalog::ItemId;
using catalog::User;
using catalog::UserId;

/// One stored event; `seq` grows with every accepted event and is the order of arrival.
struct StoredEvent {
  std::uint64_t seq = 0;
  UserId user{};
  ItemId item{};
  std::uint16_t type = 0;  ///< index into event_types()
  double value = 0;        ///< NaN where none was given
  std::int64_t time_ms = 0;
};

/// Kind of event and what it is worth: weight 0 = kept but not learned from, negative = dislike.
struct EventType {
  std::string name;
  double weight = 1;
};

struct AppendReport {
  std::uint64_t accepted = 0;    ///< new events on disk
  std::uint64_t duplicates = 0;  ///< idempotency key seen before: no effect
  std::uint64_t created_users = 0, created_items = 0;
};

struct AppendOptions {
  bool create_unknown_users = true;
  bool create_unknown_items = false;  ///< else an event of an unknown item is an error naming it
};

/// What the user model made of a user when it was last asked to, for other models to read.
struct UserEmbedding {
  UserId user{};
  std::string release;        ///< whose user model made it
  std::string space;          ///< release in whose coordinates it is: vectors of one space may be compared
  std::int64_t made_ms = 0;
  std::int64_t until_ms = 0;  ///< time of the newest event that it knows
  std::uint64_t events = 0;   ///< of the user that it knows, of types that are learned from
  std::vector<float> vector;  ///< [d], finite, d from 1 to 65,536
  bool operator==(const UserEmbedding&) const = default;
};

struct ReleaseRow {
  std::string name;  ///< folder name below models/
  std::int64_t created_ms = 0;
  bool live = false;  ///< at most one
};

struct Counts {
  std::uint64_t items = 0;  ///< item rows, unavailable ones too: row numbers are [0, items)
  std::uint64_t users = 0;  ///< users that are there; deleted ones leave a gap in the row numbers
  std::uint64_t events = 0;
  std::int64_t first_event_ms = 0, last_event_ms = 0;
};

/// Durable data of one project. Every mutating call returns only after its transaction is on
/// disk (synchronous=FULL); either all of it happened or nothing. Threads: all calls are safe from
/// any thread; writers are serialised and group-committed. Errors: `resource_exhausted` when the
/// disk is full, `corrupt` when the file is not ours, `invalid_argument` naming field and value.
class Store {
 public:
  virtual ~Store() = default;

  // Items and users. put replaces the whole record and keeps its row number.
  virtual Result<std::vector<ItemId>> put_items(std::span<const Item> items) = 0;
  virtual Result<std::vector<UserId>> put_users(std::span<const User> users) = 0;
  virtual Result<Item> get_item(std::string_view id) = 0;
  virtual Result<User> get_user(std::string_view id) = 0;
  /// Marks unavailable (history keeps its row); not_found if there is none.
  virtual Status delete_item(std::string_view id) = 0;
  /// Removes the user's record and all events of the user from disk.
  virtual Status delete_user(std::string_view id) = 0;
  virtual Result<std::optional<ItemId>> find_item(std::string_view id) = 0;
  virtual Result<std::optional<UserId>> find_user(std::string_view id) = 0;
  /// All rows in row-number order; the visitor returns false to stop. `with_vectors` false leaves
  /// the (large) modality vectors unread.
  virtual Status scan_items(const std::function<bool(ItemId, Item&&)>& visit, bool with_vectors = true) = 0;
  virtual Status scan_users(const std::function<bool(UserId, User&&)>& visit) = 0;

  // Events.
  virtual Result<AppendReport> append_events(std::span<const Event> events, const AppendOptions& options) = 0;
  /// A user's events, oldest first by (time, seq), at most the newest `limit`.
  virtual Result<std::vector<StoredEvent>> user_events(UserId user, std::size_t limit) = 0;
  /// All events in order of (user, time, seq).
  virtual Status scan_events_by_user(const std::function<bool(const StoredEvent&)>& visit) = 0;
  /// Events with seq > after in seq order (tail of the log).
  virtual Status scan_events_after(std::uint64_t after,
                                   const std::function<bool(const StoredEvent&)>& visit) = 0;
  virtual Result<std::vector<EventType>> event_types() = 0;
  virtual Status put_event_type(const EventType& type) = 0;

  // User embeddings: one a user, which stays until another one takes its place or the user is deleted.
  /// All or none; users that are not there are left out. \return how many were kept
  virtual Result<std::uint64_t> put_embeddings(std::span<const UserEmbedding> embeddings) = 0;
  virtual Result<std::optional<UserEmbedding>> get_embedding(UserId user) = 0;
  /// In order of users; the visitor returns false to stop.
  virtual Status scan_embeddings(const std::function<bool(UserEmbedding&&)>& visit) = 0;

  // Releases.
  virtual Status add_release(const ReleaseRow& release) = 0;
  virtual Result<std::vector<ReleaseRow>> releases() = 0;
  /// Makes one release live and all others not; not_found if unknown.
  virtual Status promote(std::string_view name) = 0;

  // Small settings of the project (JSON texts), e.g. the column mapping of the last import.
  virtual Status put_setting(std::string_view key, std::string_view value) = 0;
  virtual Result<std::optional<std::string>> get_setting(std::string_view key) = 0;

  virtual Result<Counts> counts() = 0;
};

struct StoreOptions {
  bool read_only = false;
  bool create = true;  ///< make the file when it is absent
  std::int64_t busy_timeout_ms = 10'000;
  std::string vfs;  ///< SQLite: name of a registered VFS, for fault injection; empty: default
};

/// Opens `<home>/penchant.db` (SQLite, WAL). The home folder is made when absent and `create`.
Result<std::unique_ptr<Store>> open_store(const std::string& home, const StoreOptions& options = {});

}  // namespace penchant::store
