#include "penchant/retrieve/lexical.h"

#include <sqlite3.h>

#include <algorithm>
#include <mutex>

namespace penchant::retrieve {
namespace {

struct StatementClose {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, StatementClose>;

Error failure(sqlite3* db, std::string_view doing) {
  return {sqlite3_errcode(db) == SQLITE_NOMEM ? ErrorCode::resource_exhausted : ErrorCode::internal,
          "text index, " + std::string(doing) + ": " + sqlite3_errmsg(db)};
}

Result<Statement> prepare(sqlite3* db, const char* sql) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &raw, nullptr) != SQLITE_OK)
    return failure(db, "prepare");
  return Statement(raw);
}

/// Length of the well-formed UTF-8 sequence at the front of `text`, 0 if there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const std::size_t length = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  if (length == 3 && ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F))) return 0;
  if (length == 4 && ((first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F))) return 0;
  return length;
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// SQLite reads texts up to the first NUL and expects UTF-8: both are made so.
std::string clean(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = text.front() == '\0' ? 0 : utf8_length(text);
    out.append(length == 0 ? std::string_view(" ") : text.substr(0, length));
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

}  // namespace

struct LexicalIndex::Impl {
  mutable std::mutex mutex;
  sqlite3* db = nullptr;
  Statement erase, insert, find;
  ~Impl() {
    erase.reset();
    insert.reset();
    find.reset();
    sqlite3_close(db);
  }
  Status run(const char* sql) {
    return sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK ? Status{} : failure(db, sql);
  }
  Status erase_row(ItemId row) {
    sqlite3_bind_int64(erase.get(), 1, index(row));
    const int code = sqlite3_step(erase.get());
    sqlite3_reset(erase.get());
    return code == SQLITE_DONE ? Status{} : failure(db, "remove");
  }
};

std::vector<std::string> query_terms(std::string_view query) {
  std::vector<std::string> terms;
  std::string term;
  const auto flush = [&] {
    if (!term.empty() && terms.size() < kMaxQueryTerms) terms.push_back(std::move(term));
    term.clear();
  };
  query = query.substr(0, std::min(query.size(), kMaxQueryBytes));
  while (!query.empty() && terms.size() < kMaxQueryTerms) {
    const std::size_t length = utf8_length(query);
    if (length == 0 || (length == 1 && !is_word(query.front()))) {
      flush();
      query.remove_prefix(1);
      continue;
    }
    if (term.size() + length <= kMaxTermBytes) term.append(query.substr(0, length));
    query.remove_prefix(length);
  }
  flush();
  return terms;
}

LexicalIndex::LexicalIndex(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LexicalIndex::~LexicalIndex() = default;

Result<std::unique_ptr<LexicalIndex>> LexicalIndex::create() {
  auto impl = std::make_unique<Impl>();
  if (sqlite3_open_v2(":memory:", &impl->db,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr) != SQLITE_OK)
    return failure(impl->db, "open");
  PENCHANT_DO(impl->run("PRAGMA temp_store = MEMORY"));
  // contentless tables cannot delete in SQLite 3.40, so the texts are kept in the index.
  PENCHANT_DO(impl->run("CREATE VIRTUAL TABLE items USING fts5(title, attributes, "
                        "tokenize = 'porter unicode61 remove_diacritics 2', prefix = '2 3')"));
  PENCHANT_TRY(erase, prepare(impl->db, "DELETE FROM items WHERE rowid = ?1"));
  PENCHANT_TRY(insert, prepare(impl->db, "INSERT INTO items(rowid, title, attributes) VALUES(?1, ?2, ?3)"));
  PENCHANT_TRY(find, prepare(impl->db,
                             "SELECT rowid, bm25(items, ?3, 1.0) AS cost FROM items "
                             "WHERE items MATCH ?1 ORDER BY cost, rowid LIMIT ?2"));
  impl->erase = std::move(erase);
  impl->insert = std::move(insert);
  impl->find = std::move(find);
  return std::unique_ptr<LexicalIndex>(new LexicalIndex(std::move(impl)));
}

Status LexicalIndex::begin() {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->run("BEGIN");
}

Status LexicalIndex::commit() {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->run("COMMIT");
}

Status LexicalIndex::put(ItemId row, const catalog::Item& item) {
  const std::string title = clean(std::string_view(item.title).substr(0, catalog::kMaxTextBytes));
  std::string attributes;
  for (const auto& [name, value] : item.attributes) {
    if (std::holds_alternative<bool>(value)) continue;  // "true" is not a word one searches for
    if (attributes.size() >= catalog::kMaxTextBytes) break;
    attributes += clean(catalog::to_text(value));
    attributes += '\n';
  }
  const std::scoped_lock lock(impl_->mutex);
  PENCHANT_DO(impl_->erase_row(row));
  sqlite3_stmt* insert = impl_->insert.get();
  sqlite3_bind_int64(insert, 1, index(row));
  sqlite3_bind_text(insert, 2, title.data(), static_cast<int>(title.size()), SQLITE_STATIC);
  sqlite3_bind_text(insert, 3, attributes.data(), static_cast<int>(attributes.size()), SQLITE_STATIC);
  const int code = sqlite3_step(insert);
  sqlite3_reset(insert);
  sqlite3_clear_bindings(insert);
  return code == SQLITE_DONE ? Status{} : failure(impl_->db, "put");
}

Status LexicalIndex::remove(ItemId row) {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->erase_row(row);
}

Result<std::vector<LexicalHit>> LexicalIndex::search(std::string_view query, std::size_t k) const {
  return search(query_terms(query), true, k);
}

Result<std::vector<LexicalHit>> LexicalIndex::search(const std::vector<std::string>& terms,
                                                     bool prefix_last, std::size_t k) const {
  std::vector<LexicalHit> hits;
  std::string match;
  std::string last;
  for (const std::string& given : terms) {
    for (const std::string& term : query_terms(given)) {  // whatever was given, only words pass
      match += (match.empty() ? "\"" : " OR \"") + term + '"';
      last = term;
    }
  }
  if (match.empty() || k == 0) return hits;
  if (prefix_last && last.size() >= 2) match += " OR \"" + last + "\" *";
  const std::scoped_lock lock(impl_->mutex);
  sqlite3_stmt* find = impl_->find.get();
  sqlite3_bind_text(find, 1, match.data(), static_cast<int>(match.size()), SQLITE_STATIC);
  sqlite3_bind_int64(find, 2, static_cast<sqlite3_int64>(k));
  sqlite3_bind_double(find, 3, kTitleWeight);
  int code = SQLITE_ROW;
  while ((code = sqlite3_step(find)) == SQLITE_ROW)
    hits.push_back({ItemId{static_cast<std::uint32_t>(sqlite3_column_int64(find, 0))},
                    static_cast<float>(-sqlite3_column_double(find, 1))});
  sqlite3_reset(find);
  sqlite3_clear_bindings(find);
  if (code != SQLITE_DONE) return failure(impl_->db, "search");
  return hits;
}

std::size_t LexicalIndex::size() const {
  const std::scoped_lock lock(impl_->mutex);
  sqlite3_stmt* raw = nullptr;
  sqlite3_prepare_v2(impl_->db, "SELECT count(*) FROM items", -1, &raw, nullptr);
  const Statement statement(raw);
  return raw != nullptr && sqlite3_step(raw) == SQLITE_ROW
             ? static_cast<std::size_t>(sqlite3_column_int64(raw, 0)) : 0;
}

}  // namespace penchant::retrieve
