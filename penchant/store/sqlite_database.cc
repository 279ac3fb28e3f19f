#include "penchant/store/sqlite_database.h"

#include <sqlite3.h>

namespace penchant::store {
namespace {

Error translate(int code, const std::string& message, const std::string& path, std::string_view doing) {
  const std::string where = path + ": ";
  switch (code & 0xff) {
    case SQLITE_FULL:
      return {ErrorCode::resource_exhausted,
              where + "the disk is full (" + std::string(doing) +
                  "); nothing of this call was stored: free space and try again"};
    case SQLITE_NOMEM:
      return {ErrorCode::resource_exhausted, where + "out of memory (" + std::string(doing) + ")"};
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      return {ErrorCode::corrupt, where + "not a whole database (" + message +
                                      "); restore it from a snapshot, or move it away and import again"};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {ErrorCode::unavailable, where + "another process is writing (" + message + "); try again"};
    case SQLITE_CANTOPEN:
      return {ErrorCode::io, where + "cannot be opened (" + message + "); check the path and its rights"};
    case SQLITE_READONLY: return {ErrorCode::io, where + "is read-only (" + message + ")"};
    case SQLITE_IOERR:
    case SQLITE_PERM: return {ErrorCode::io, where + message + " (" + std::string(doing) + ")"};
    default: return {ErrorCode::internal, where + message + " (" + std::string(doing) + ")"};
  }
}

}  // namespace

Statement::~Statement() {
  if (stmt_ == nullptr) return;
  sqlite3_reset(stmt_);
  sqlite3_clear_bindings(stmt_);
}

Statement& Statement::bind(int position, std::int64_t value) {
  sqlite3_bind_int64(stmt_, position, value);
  return *this;
}
Statement& Statement::bind(int position, double value) {
  sqlite3_bind_double(stmt_, position, value);
  return *this;
}
Statement& Statement::bind(int position, std::string_view text) {
  const char* data = text.data() == nullptr ? "" : text.data();
  sqlite3_bind_text64(stmt_, position, data, text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}
Statement& Statement::bind_blob(int position, std::span<const std::byte> bytes) {
  sqlite3_bind_blob64(stmt_, position, bytes.empty() ? "" : static_cast<const void*>(bytes.data()),
                      bytes.size(), SQLITE_STATIC);
  return *this;
}
Statement& Statement::bind_null(int position) {
  sqlite3_bind_null(stmt_, position);
  return *this;
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(stmt_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  Error error = db_->last_error("running a statement");
  sqlite3_reset(stmt_);
  return error;
}

Status Statement::run() {
  for (;;) {
    PENCHANT_TRY(more, step());
    if (!more) break;
  }
  sqlite3_reset(stmt_);
  return {};
}

void Statement::reset() { sqlite3_reset(stmt_); }

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(stmt_, column); }
double Statement::real(int column) const { return sqlite3_column_double(stmt_, column); }
bool Statement::is_null(int column) const { return sqlite3_column_type(stmt_, column) == SQLITE_NULL; }
std::string_view Statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(stmt_, column));
  return data == nullptr
             ? std::string_view()
             : std::string_view(data, static_cast<std::size_t>(sqlite3_column_bytes(stmt_, column)));
}
std::span<const std::byte> Statement::blob(int column) const {
  const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(stmt_, column));
  return data == nullptr ? std::span<const std::byte>()
                         : std::span(data, static_cast<std::size_t>(sqlite3_column_bytes(stmt_, column)));
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path, const DatabaseOptions& options) {
  sqlite3* handle = nullptr;
  int flags = SQLITE_OPEN_NOMUTEX | (options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
  if (options.create && !options.read_only) flags |= SQLITE_OPEN_CREATE;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle, flags, options.vfs.empty() ? nullptr : options.vfs.c_str());
  std::unique_ptr<Database> db(new Database(handle, path));
  if (code != SQLITE_OK)
    return translate(code, handle == nullptr ? "out of memory" : sqlite3_errmsg(handle), path, "opening");
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, static_cast<int>(options.busy_timeout_ms));
  sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  return db;
}

Database::~Database() {
  for (const auto& [sql, stmt] : statements_) sqlite3_finalize(stmt);
  sqlite3_close_v2(handle_);
}

Status Database::execute(const char* sql) {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return last_error(sql);
  return {};
}

Result<Statement> Database::prepare(const char* sql) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) {
    sqlite3_stmt* stmt = nullptr;
    if (sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, nullptr) != SQLITE_OK)
      return last_error("preparing a statement");
    found = statements_.emplace(sql, stmt).first;
  }
  PENCHANT_CHECK(sqlite3_stmt_busy(found->second) == 0, "a statement is used twice at once");
  return Statement(this, found->second);
}

Result<std::int64_t> Database::query_integer(const char* sql) {
  PENCHANT_TRY(statement, prepare(sql));
  PENCHANT_TRY(row, statement.step());
  return row ? statement.integer(0) : std::int64_t{0};
}

bool Database::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }
std::int64_t Database::changed_rows() const { return sqlite3_changes64(handle_); }

Error Database::last_error(std::string_view doing) const {
  return translate(sqlite3_extended_errcode(handle_), sqlite3_errmsg(handle_), path_, doing.substr(0, 40));
}

}  // namespace penchant::store
