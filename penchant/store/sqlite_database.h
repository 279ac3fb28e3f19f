#pragma once
/// \file One SQLite connection and its prepared statements. Internal to store.
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "penchant/base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace penchant::store {

class Database;

/// A prepared statement on loan from its connection; reset when it goes out of scope.
/// Bound texts and blobs are not copied: they must live until the next step() or rebind.
class Statement {
 public:
  Statement(Database* db, sqlite3_stmt* stmt) : db_(db), stmt_(stmt) {}
  Statement(Statement&& other) noexcept : db_(other.db_), stmt_(std::exchange(other.stmt_, nullptr)) {}
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  Statement& bind(int position, std::int64_t value);
  Statement& bind(int position, double value);
  Statement& bind(int position, std::string_view text);
  Statement& bind_blob(int position, std::span<const std::byte> bytes);
  Statement& bind_null(int position);
  /// true: a row stands ready; false: done.
  Result<bool> step();
  /// Runs to the end and makes the statement ready for new bindings.
  Status run();
  void reset();

  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] double real(int column) const;
  [[nodiscard]] bool is_null(int column) const;
  /// Valid until the next step() or reset().
  [[nodiscard]] std::string_view text(int column) const;
  [[nodiscard]] std::span<const std::byte> blob(int column) const;

 private:
  Database* db_;        ///< outlives the statement
  sqlite3_stmt* stmt_;  ///< owned by the connection's cache
};

struct DatabaseOptions {
  bool read_only = false;
  bool create = false;
  std::int64_t busy_timeout_ms = 10'000;
  std::string vfs;  ///< name of a registered SQLite VFS; empty: the default
};

/// Threads: one at a time.
class Database {
 public:
  static Result<std::unique_ptr<Database>> open(const std::string& path, const DatabaseOptions& options);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Status execute(const char* sql);
  /// First column of the first row as an integer.
  Result<std::int64_t> query_integer(const char* sql);
  /// \param sql  a string literal: its address is the cache key
  Result<Statement> prepare(const char* sql);
  [[nodiscard]] bool in_transaction() const;
  [[nodiscard]] std::int64_t changed_rows() const;
  /// The last failure as an Error that names the file.
  [[nodiscard]] Error last_error(std::string_view doing) const;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  Database(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}
  sqlite3* handle_;
  std::string path_;
  std::unordered_map<const char*, sqlite3_stmt*> statements_;
};

}  // namespace penchant::store
