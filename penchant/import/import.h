#pragma once
/// \file Files in, store filled: `penchant import PATH…`. Layer 3.
///
/// Reads CSV, TSV, semicolon CSV, JSON lines, Parquet, RecBole atomic files (.inter .item .user),
/// MovieLens layouts, NumPy vectors (.npy), and gzip of the texts. A folder stands for all files
/// in it. What a file holds (items, users, events) and what its columns mean is guessed from names
/// and a sample, and handed back; docs/howto/import.md has the rules.
///
/// Bad rows are counted by reason, written to the rejects file, and never stop the run. The same
/// file twice adds no event twice: the idempotency key of an event is a hash of user, item, type,
/// value, time and the how-manieth equal row of its file it is.
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "penchant/base/progress.h"
#include "penchant/base/result.h"
#include "penchant/store/store.h"

namespace penchant::import {

/// What the caller says about a column: `--map user=customer_id`.
/// Fields: user, item, time, value, type, position, days_since_first, title, available,
/// idempotency_key, recommendation_id, attribute, user_attribute, vector, ignore. In files without
/// a header the columns are called #1, #2, ….
struct ColumnMap {
  std::string field;
  std::string column;
};

/// Vectors of one modality: an .npy file of shape [n, dim].
struct VectorFile {
  std::string modality;
  std::string path;
};

struct ImportOptions {
  std::string items_file;  ///< file (also) to be read, as items whatever it looks like
  std::string users_file;  ///< likewise, as users
  bool dry_run = false;    ///< read and check everything, write nothing anywhere
  std::vector<ColumnMap> map;
  std::string default_event_type;  ///< where the file has no type column; empty: guessed
  std::string rejects_path;        ///< CSV of file, row, reason, raw; made on the first reject; empty: none
  std::uint64_t max_rejects_written = 1'000'000;
  std::vector<VectorFile> vectors;  ///< besides .npy files among the paths
};

struct MappedColumn {
  std::string field;    ///< as in ColumnMap; "ignored" where a column is not used
  std::string column;   ///< name in the file
  std::string note;     ///< "list, split at |", "number", "of the item", …
  std::string example;  ///< first value seen, cut
};

struct FileReport {
  std::string path;
  std::string format;  ///< "CSV", "JSON lines", "RecBole atomic", … with ", gzip"
  std::string role;    ///< "items", "users", "events", "vectors", "skipped"
  std::vector<MappedColumn> columns;
  std::vector<std::string> notes;  ///< what was assumed or changed, in words
  std::string problem;             ///< why reading ended early, or why the file was skipped; else empty
  std::uint64_t rows = 0;          ///< records read
  std::uint64_t kept = 0;
  std::uint64_t duplicates = 0;  ///< items or users named again (the last wins); events already stored
  std::map<std::string, std::uint64_t> rejected;  ///< reason -> rows
  double seconds = 0;
};

struct ImportReport {
  std::vector<FileReport> files;
  bool dry_run = false;
  std::uint64_t items = 0, users = 0;  ///< records put from items and users files and columns
  std::uint64_t events = 0;            ///< new events stored (dry run: that would be offered)
  std::uint64_t duplicate_events = 0;
  std::uint64_t created_items = 0, created_users = 0;  ///< known from events only
  std::uint64_t rejected = 0;
  std::string time_kind;     ///< "epoch", "position", "since_first", or empty without events
  std::string rejects_path;  ///< empty when nothing was written there
  double seconds = 0;
};

/// Imports files and folders. The mapping of this run goes to the store settings `import.last`
/// (JSON) and `time_kind` (JSON text): "epoch", or "position" (time_ms is an order, not a time),
/// or "since_first" (time_ms counts from the user's first event; equal days are ties).
/// Threads: the caller's only. Memory: a few MB and 16 B per event of the largest file; files with
/// days_since_first are held whole.
/// \return invalid_argument when a named path cannot be read as a table or its columns stay unclear
///         (nothing is written then); cancelled when the sink said so (what was committed stays);
///         store errors as they are
Result<ImportReport> import_paths(std::span<const std::string> paths, const ImportOptions& options,
                                  store::Store& store, const ProgressSink& progress);

/// Plain text of at most 100 columns for a terminal.
[[nodiscard]] std::string to_table(const ImportReport& report);
[[nodiscard]] std::string to_json(const ImportReport& report);

}  // namespace penchant::import
