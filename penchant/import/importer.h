#pragma once
/// \file One import run. Internal to import.
#include <chrono>
#include <string>
#include <vector>

#include "penchant/import/file_plan.h"
#include "penchant/import/import.h"
#include "penchant/import/record_builder.h"
#include "penchant/import/record_sink.h"
#include "penchant/import/rejects_file.h"
#include "penchant/import/row_key.h"
#include "penchant/store/time_kind.h"

namespace penchant::import {

/// A file to read, and how its role was given.
struct InputFile {
  std::string path;
  Role forced = Role::unknown;
  bool from_folder = false;  ///< unreadable ones are skipped, not errors
  std::string modality;      ///< vectors given by name
};

/// Expands folders (not below them), sorts them by name, drops repeats.
Result<std::vector<InputFile>> list_inputs(std::span<const std::string> paths, const ImportOptions& options);

/// Threads: one at a time; used once.
class Importer {
 public:
  Importer(const ImportOptions& options, store::Store& store, const ProgressSink& progress)
      : options_(options),
        store_(store),
        progress_(progress),
        items_(store, options.dry_run),
        users_(store, options.dry_run),
        rejects_(options.dry_run ? std::string() : options.rejects_path, options.max_rejects_written) {}

  Result<ImportReport> run(std::vector<InputFile> inputs);

 private:
  struct Job {
    InputFile input;
    FilePlan plan;
    FileReport report;
  };
  Status plan_all(std::vector<InputFile> inputs);
  Status check_map() const;
  Status choose_time_kind();
  Status read_job(Job& job);
  Status read_records(Job& job, RowReader& reader, RecordBuilder& builder);
  Status read_events(Job& job, RowReader& reader, RecordBuilder& builder);
  Status take_event(Job& job, EventDraft& draft, RowKeys& keys);
  Status flush_events(Job& job);
  Status read_vectors(Job& job);
  /// Ids of the rows of an .npy file with `rows` rows.
  Result<std::vector<std::string>> ids_of_rows(Job& job, std::uint64_t rows);
  Status reject(Job& job, const Row& row, const std::string& reason, bool row_kept = false);
  Status tell(const Job& job, std::uint64_t done, bool last);

  const ImportOptions& options_;
  store::Store& store_;
  const ProgressSink& progress_;
  ItemSink items_;
  UserSink users_;
  RejectsFile rejects_;
  std::vector<Job> jobs_;
  std::vector<catalog::Event> events_;  ///< pending
  std::optional<store::TimeKind> time_kind_;
  std::int64_t next_order_ = 0;  ///< time_ms of the next event where rows have no time
  ImportReport report_;
  std::chrono::steady_clock::time_point last_told_{};
};

}  // namespace penchant::import
