#include "penchant/store/sqlite_store.h"

namespace penchant::store {
namespace {

/// Columns: user, release, space, made_ms, until_ms, events, vector.
Result<UserEmbedding> embedding_at(const Database& db, const Statement& row) {
  PENCHANT_TRY(vector, vector_of(db, row.blob(6), "user_embeddings of row " + std::to_string(row.integer(0))));
  return UserEmbedding{static_cast<UserId>(row.integer(0)), std::string(row.text(1)), std::string(row.text(2)), row.integer(3), row.integer(4),
                       static_cast<std::uint64_t>(row.integer(5)), std::move(vector)};
}

}  // namespace

Result<std::uint64_t> SqliteStore::put_embeddings(std::span<const UserEmbedding> embeddings) {
  for (std::size_t i = 0; i < embeddings.size(); ++i) {
    const std::string field = "embeddings[" + std::to_string(i) + "]";
    PENCHANT_DO(check_id(embeddings[i].release, field + ".release"));
    PENCHANT_DO(check_id(embeddings[i].space, field + ".space"));
    PENCHANT_DO(check_vector(embeddings[i].vector, field + ".vector"));
  }
  std::uint64_t kept = 0;
  PENCHANT_DO(write([&](Database& db) -> Status {
    kept = 0;
    PENCHANT_TRY(put, db.prepare("INSERT OR REPLACE INTO user_embeddings(user, release, space, made_ms, until_ms, events, vector) "
                                 "SELECT row, ?2, ?3, ?4, ?5, ?6, ?7 FROM users WHERE row = ?1 AND id IS NOT NULL"));
    for (const auto& e : embeddings) {
      put.bind(1, std::int64_t{catalog::index(e.user)})
          .bind(2, std::string_view(e.release))
          .bind(3, std::string_view(e.space))
          .bind(4, e.made_ms)
          .bind(5, e.until_ms)
          .bind(6, static_cast<std::int64_t>(e.events))
          .bind_blob(7, std::as_bytes(std::span(e.vector)));
      PENCHANT_DO(put.run());
      kept += static_cast<std::uint64_t>(db.changed_rows());
    }
    return {};
  }));
  return kept;
}

Result<std::optional<UserEmbedding>> SqliteStore::get_embedding(UserId user) {
  PENCHANT_TRY(db, readers_.take());
  PENCHANT_TRY(find, db->prepare("SELECT user, release, space, made_ms, until_ms, events, vector FROM user_embeddings WHERE user = ?1"));
  find.bind(1, std::int64_t{catalog::index(user)});
  PENCHANT_TRY(found, find.step());
  if (!found) return std::optional<UserEmbedding>();
  PENCHANT_TRY(embedding, embedding_at(*db, find));
  return std::optional(std::move(embedding));
}

Status SqliteStore::scan_embeddings(const std::function<bool(UserEmbedding&&)>& visit) {
  PENCHANT_TRY(db, readers_.take());
  PENCHANT_TRY(rows, db->prepare("SELECT user, release, space, made_ms, until_ms, events, vector FROM user_embeddings ORDER BY user"));
  for (;;) {
    PENCHANT_TRY(more, rows.step());
    if (!more) return {};
    PENCHANT_TRY(embedding, embedding_at(*db, rows));
    if (!visit(std::move(embedding))) return {};
  }
}

}  // namespace penchant::store
