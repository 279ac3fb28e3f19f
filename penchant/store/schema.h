#pragma once
/// \file Tables of penchant.db, format 1; docs/formats/store.md describes them. Internal to store.
#include <string>

#include "penchant/store/sqlite_database.h"

namespace penchant::store {

inline constexpr std::int64_t kApplicationId = 0x50454e43;  ///< "PENC"
inline constexpr std::int64_t kFormatVersion = 1;

/// Looks at the bytes before SQLite does: header, and length against the page count.
/// \return corrupt naming the file; ok for a file that is absent or empty
Status check_file(const std::string& path);

/// Sets the connection up (WAL, synchronous=FULL), makes the tables in an empty file if `create`,
/// and refuses files of other programs and of newer versions.
Status prepare_schema(Database& db, bool create);

/// Refuses what is not ours; for read-only connections.
Status check_schema(Database& db);

}  // namespace penchant::store
