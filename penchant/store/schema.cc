#include "penchant/store/schema.h"

#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace penchant::store {
namespace {

/// Format 1.
constexpr const char* kTables = R"sql(
CREATE TABLE items(
  row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, title TEXT NOT NULL DEFAULT '',
  attributes TEXT NOT NULL DEFAULT '{}', created_ms INTEGER NOT NULL DEFAULT 0,
  available INTEGER NOT NULL DEFAULT 1) STRICT;
CREATE TABLE item_vectors(
  item INTEGER NOT NULL, modality TEXT NOT NULL, vector BLOB NOT NULL,
  PRIMARY KEY(item, modality)) STRICT, WITHOUT ROWID;
CREATE TABLE users(row INTEGER PRIMARY KEY, id TEXT UNIQUE, attributes TEXT NOT NULL DEFAULT '{}') STRICT;
CREATE TABLE events(
  user INTEGER NOT NULL, time_ms INTEGER NOT NULL, seq INTEGER NOT NULL, item INTEGER NOT NULL,
  type INTEGER NOT NULL, value REAL, key TEXT, recommendation TEXT,
  PRIMARY KEY(user, time_ms, seq)) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX events_seq ON events(seq);
CREATE UNIQUE INDEX events_key ON events(key) WHERE key IS NOT NULL;
CREATE TABLE event_types(type INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, weight REAL NOT NULL) STRICT;
CREATE TABLE releases(name TEXT PRIMARY KEY, created_ms INTEGER NOT NULL, live INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;
CREATE TABLE settings(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE counters(name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO counters VALUES ('next_seq', 1), ('events', 0), ('first_event_ms', 0), ('last_event_ms', 0);
)sql";

/// What each format has that the one before had not: step k makes format k + 2 of format k + 1. Tables are added,
/// none is changed, so a program of the older format that still has the file open goes on as it did.
constexpr std::array<const char*, kFormatVersion - 1> kSteps{R"sql(
CREATE TABLE user_embeddings(
  user INTEGER PRIMARY KEY, release TEXT NOT NULL, space TEXT NOT NULL, made_ms INTEGER NOT NULL,
  until_ms INTEGER NOT NULL, events INTEGER NOT NULL, vector BLOB NOT NULL) STRICT;
)sql"};

/// The format of a file of ours; 0: empty; else an error.
Result<std::int64_t> format_of(Database& db) {
  PENCHANT_TRY(application, db.query_integer("PRAGMA application_id"));
  PENCHANT_TRY(version, db.query_integer("PRAGMA user_version"));
  if (application == kApplicationId) {
    if (version >= 1 && version <= kFormatVersion) return version;
    return Error{ErrorCode::corrupt, db.path() + ": written in format " + std::to_string(version) + "; this program reads formats up to " +
                                         std::to_string(kFormatVersion) + ": use the newer Penchant that wrote it"};
  }
  PENCHANT_TRY(tables, db.query_integer("SELECT count(*) FROM sqlite_master"));
  if (application == 0 && version == 0 && tables == 0) return 0;
  return Error{ErrorCode::corrupt,
               db.path() + ": an SQLite file of another program; name another home folder"};
}

}  // namespace

Status check_file(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error || size == 0) return {};
  std::ifstream file(path, std::ios::binary);
  std::array<unsigned char, 100> header{};
  file.read(reinterpret_cast<char*>(header.data()), header.size());
  if (file.gcount() < 16 || std::memcmp(header.data(), "SQLite format 3", 16) != 0)
    return Error{ErrorCode::corrupt, path +
                                         ": not a Penchant store (the SQLite header is missing); move the "
                                         "file away, or name another home folder"};
  const auto wal_size = std::filesystem::file_size(path + "-wal", error);
  if (!error && wal_size > 0) return {};  // pages may still be in the log
  std::uint64_t page = (static_cast<std::uint64_t>(header[16]) << 8) | header[17];
  if (page == 1) page = 65536;
  std::uint64_t pages = 0;
  for (int i = 28; i < 32; ++i) pages = (pages << 8) | header[static_cast<std::size_t>(i)];
  if (file.gcount() < 100 || size < page * pages)
    return Error{ErrorCode::corrupt, path + ": cut short (" + std::to_string(size) + " bytes of " +
                                         std::to_string(page * pages) +
                                         "); restore it from a snapshot, or move it away and import again"};
  return {};
}

Status check_schema(Database& db) {
  PENCHANT_TRY(format, format_of(db));
  if (format == 0) return Error{ErrorCode::not_found, db.path() + ": an empty store; import data first"};
  if (format < kFormatVersion)
    return Error{ErrorCode::unavailable, db.path() + ": written in format " + std::to_string(format) +
                                             " by an older Penchant; `penchant describe` brings it to format " +
                                             std::to_string(kFormatVersion) + ", then try again"};
  return {};
}

namespace {

/// Inside a transaction: from any older format, or from nothing, to the newest.
Status upgrade(Database& db) {
  PENCHANT_TRY(format, format_of(db));  // somebody else may have done it meanwhile
  if (format == kFormatVersion) return {};
  if (format == 0) {
    PENCHANT_DO(db.execute(kTables));
    PENCHANT_DO(db.execute("PRAGMA application_id=1346719299"));
    static_assert(kApplicationId == 1346719299);
    format = 1;
  }
  for (; format < kFormatVersion; ++format) PENCHANT_DO(db.execute(kSteps[static_cast<std::size_t>(format - 1)]));
  static_assert(kFormatVersion == 2);
  return db.execute("PRAGMA user_version=2");
}

}  // namespace

Status prepare_schema(Database& db, bool create) {
  PENCHANT_TRY(format, format_of(db));
  if (format == 0 && !create) return Error{ErrorCode::not_found, db.path() + ": an empty store; import data first"};
  PENCHANT_DO(db.execute("PRAGMA journal_mode=WAL"));
  PENCHANT_DO(db.execute("PRAGMA synchronous=FULL"));
  PENCHANT_DO(db.execute("PRAGMA secure_delete=ON"));
  PENCHANT_DO(db.execute("PRAGMA cache_size=-65536"));
  PENCHANT_DO(db.execute("PRAGMA wal_autocheckpoint=16000"));
  PENCHANT_DO(db.execute("PRAGMA temp_store=MEMORY"));
  if (format == kFormatVersion) return {};
  PENCHANT_DO(db.execute("BEGIN IMMEDIATE"));
  Status status = upgrade(db);
  if (status.ok()) status = db.execute("COMMIT");
  if (!status.ok() && db.in_transaction()) (void)db.execute("ROLLBACK");
  return status;
}

}  // namespace penchant::store
