#pragma once
/// \file Ranked lists as CSV, so that anyone can recompute the figures. Layer 6.
/// One file `<model>-<seen>-<ties>.csv`, header `user_id,rank,item_id,score`, at most 50 ranks per
/// case. Items of equal score are listed by row, a target behind its equals: its rank in the file is
/// its pessimistic rank.
#include <fstream>
#include <map>
#include <string>

#include "penchant/base/result.h"
#include "penchant/evaluate/event_log.h"
#include "penchant/evaluate/ranking.h"

namespace penchant::evaluate {

inline constexpr std::size_t kExportRanks = 50;

/// Threads: one thread at a time.
class ListExport {
 public:
  /// Makes the folder when absent. `log` must outlive the export.
  static Result<ListExport> open(const std::string& folder, const EventLog& log, Ties ties);
  /// Appends one list, making its file at first; io or resource_exhausted naming the file.
  Status add(const TopList& list);
  /// Flushes and closes all files; io or resource_exhausted when bytes were lost.
  Status close();

 private:
  ListExport(std::string folder, const EventLog& log, Ties ties);
  struct File {
    std::string path;
    std::ofstream stream;
  };
  Status check(const File& file) const;

  std::string folder_;
  const EventLog* log_;
  Ties ties_;
  std::map<std::string, File> files_;
  std::string line_;
};

}  // namespace penchant::evaluate
