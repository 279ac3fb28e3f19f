#pragma once
/// \file Long work that the service starts and somebody else does. Layer 6.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "penchant/base/progress.h"
#include "penchant/base/result.h"

namespace penchant::service {

/// Files to import; every path has been checked to lie in the import folder or is an upload.
struct ImportJob {
  std::vector<std::string> paths;  ///< absolute; files or folders
  std::string items_path;          ///< absolute; empty: none
  std::string users_path;          ///< absolute; empty: none
  bool dry_run = false;            ///< report what would happen, change nothing
};

struct TrainJob {
  std::string name;                    ///< of the release; empty: the trainer chooses
  std::string preset = "auto";         ///< auto, tiny, small, sparse, base, large
  std::string warm_start;              ///< release to go on from, or "live"; empty: from random weights
  std::string holdout;                 ///< "none", "last-out", "time"; empty: the trainer's default
  std::optional<std::uint64_t> seed;
  std::optional<std::uint32_t> epochs;
};

struct JobOutcome {
  std::string release;  ///< name of the release that a training made; else empty
  std::string json;     ///< a JSON object with what there is to know, or empty
};

/// Does the work. Threads: called from one thread at a time (that of the task table). Both return
/// `cancelled` soon after the sink has returned false; they return only when nothing of the work
/// runs any more. The service itself lets the engine reload after an import, and promotes the
/// release of a training when that was asked for.
class TaskRunner {
 public:
  virtual ~TaskRunner() = default;
  virtual Result<JobOutcome> import_files(const ImportJob& job, const ProgressSink& progress) = 0;
  virtual Result<JobOutcome> train(const TrainJob& job, const ProgressSink& progress) = 0;
};

}  // namespace penchant::service
