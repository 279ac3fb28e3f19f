#pragma once
/// \file How penchant-train tells how far it is: lines for people, JSON lines for programs.
#include <chrono>
#include <cstdio>
#include <string>

#include "penchant/base/progress.h"
#include "penchant/base/result.h"
#include "penchant/learn/trainer.h"

namespace penchant::app {

/// Writes progress to standard error and, when asked, as JSON lines
/// {"step","done","total","detail"} (training adds epoch, loss, valid_ndcg10, events_per_second,
/// seconds_left) to a file, pipe or /dev/fd/N. Threads: one.
class Report {
 public:
  Report(bool quiet, bool terminal) : quiet_(quiet), terminal_(terminal) {}
  ~Report();
  Report(const Report&) = delete;
  /// io when the file cannot be opened.
  Status open_json(const std::string& path);

  void step(const Progress& progress);
  void training(const learn::TrainProgress& progress);
  void note(const std::string& line);

 private:
  [[nodiscard]] bool too_soon();
  void show(const std::string& line, bool stays);

  bool quiet_, terminal_, open_line_ = false;
  std::FILE* json_ = nullptr;  ///< owned
  std::string last_step_;
  std::chrono::steady_clock::time_point last_{};
};

}  // namespace penchant::app
