#pragma once
/// \file Long work in the background: one after the other, visible, cancellable. Layer 6.
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "penchant/base/clock.h"
#include "penchant/base/progress.h"
#include "penchant/base/result.h"

namespace penchant::service {

enum class TaskState : std::uint8_t { queued, running, succeeded, failed, cancelled };
[[nodiscard]] std::string_view name_of(TaskState state) noexcept;

/// One task as it stands.
struct TaskInfo {
  std::string id;                    ///< "t1", "t2", …
  std::string kind;                  ///< "import", "train"
  TaskState state = TaskState::queued;
  Progress progress;                 ///< of the step that runs, or ran last
  std::optional<double> eta_seconds; ///< of that step, from its speed so far
  std::int64_t created_ms = 0, started_ms = 0, finished_ms = 0;  ///< 0: not yet
  std::string result;                ///< JSON object of a succeeded task
  std::optional<Error> error;        ///< of a failed one
};

/// Runs tasks on one thread of its own, in order; keeps the last 256 that have ended. Nothing is
/// stored: tasks end with the process. Threads: all calls are safe from any thread.
class TaskTable {
 public:
  /// Does the work, reports to the sink, stops when the sink returns false. The text is a JSON object.
  using Work = std::function<Result<std::string>(const ProgressSink&)>;
  explicit TaskTable(const Clock& clock);
  /// Cancels everything and waits.
  ~TaskTable();
  TaskTable(const TaskTable&) = delete;
  TaskTable& operator=(const TaskTable&) = delete;
  /// \return unavailable when 64 tasks wait already
  Result<TaskInfo> start(std::string kind, Work work);
  [[nodiscard]] std::vector<TaskInfo> all() const;  ///< newest first
  [[nodiscard]] Result<TaskInfo> get(std::string_view id) const;
  /// A waiting task ends at once; a running one at its next report. Ended ones stay as they are.
  Result<TaskInfo> cancel(std::string_view id);
  /// Cancels everything, waits for the running one, refuses new ones.
  void stop();

 private:
  struct Task {
    TaskInfo info;
    Work work;
    std::atomic<bool> cancel{false};
    std::chrono::steady_clock::time_point step_began{};
    std::uint64_t step_first = 0;  // units done at the first report of the step
  };
  void work();
  bool report(Task& task, const Progress& progress);
  void finish(Task& task, Result<std::string> outcome);
  [[nodiscard]] std::shared_ptr<Task> find(std::string_view id) const;

  const Clock& clock_;  // outlives the table
  mutable std::mutex mutex_;  // guards everything below
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Task>> tasks_;  // oldest first
  std::uint64_t next_ = 1;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace penchant::service
