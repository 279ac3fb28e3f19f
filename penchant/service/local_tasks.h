#pragma once
/// \file Imports and trainings of the server, done on this machine. Layer 6.
#include <string>

#include "penchant/base/executor.h"
#include "penchant/recommend/engine.h"
#include "penchant/service/task_runner.h"
#include "penchant/store/store.h"

namespace penchant::service {

struct LocalTaskOptions {
  std::string home;
  std::string trainer;      ///< path of the program penchant-train
  std::string encoder_dir;  ///< sentence encoder; may be empty
};

/// Imports into the store and lets the engine read it again; trains through penchant-train and
/// promotes the release in the running engine. Store, engine and executor must outlive it and are
/// given once, before the first task. Threads: as TaskRunner.
class LocalTasks final : public TaskRunner {
 public:
  explicit LocalTasks(LocalTaskOptions options) : options_(std::move(options)) {}
  void attach(store::Store& store, recommend::Engine& engine, Executor& executor);
  Result<JobOutcome> import_files(const ImportJob& job, const ProgressSink& progress) override;
  Result<JobOutcome> train(const TrainJob& job, const ProgressSink& progress) override;

 private:
  LocalTaskOptions options_;
  store::Store* store_ = nullptr;          // not owned
  recommend::Engine* engine_ = nullptr;    // not owned
  Executor* executor_ = nullptr;           // not owned
};

}  // namespace penchant::service
