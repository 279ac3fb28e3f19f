#pragma once
/// \file Tables of penchant.db, format 2; docs/formats/store.md describes them. Internal to store.
#include <string>

#include "penchant/store/sqlite_database.h"

namespace penchant::store {

inline constexpr std::int64_t kApplicationId = 0x50454e43;  ///< "PENC"
inline constexpr std::int64_t kFormatVersion = 2;

/// Looks at the bytes before SQLite does: header, and length against the page count.
/// \return corrupt naming the file; ok for a file that is absent or empty
Status check_file(const std::string& path);

/// Sets the connection up (WAL, synchronous=FULL), makes the tables in an empty file if `create`, brings
/// a file of an older format to this one in one transaction, and refuses files of other programs and of newer versions.
Status prepare_schema(Database& db, bool create);

/// Refuses what is not ours, and what is older: for read-only connections, which cannot bring it up to date.
Status check_schema(Database& db);

}  // namespace penchant::store
