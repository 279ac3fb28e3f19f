#pragma once
/// \file Threads with a bounded queue: full means "try later", never "wait for ever". Layer 1.
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace penchant::net {

/// Runs tasks in order of arrival on a fixed set of threads.
/// Threads: all calls are safe from any thread, except stop(), which no task may call.
class WorkerPool {
 public:
  using Task = std::function<void()>;
  /// \param threads at least 1 is used \param queue most tasks that wait (those running not counted)
  WorkerPool(std::size_t threads, std::size_t queue);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  /// False when the queue is full or the pool has been stopped; the task is then untouched.
  /// A task must not throw.
  [[nodiscard]] bool try_submit(Task task);
  /// Runs what is queued, then ends the threads. Later submits are refused.
  void stop();
  [[nodiscard]] std::size_t queued() const;
  [[nodiscard]] std::size_t threads() const noexcept { return threads_.size(); }

 private:
  void work();
  const std::size_t limit_;
  mutable std::mutex mutex_;  // guards queue_, stopping_
  std::condition_variable ready_;
  std::deque<Task> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace penchant::net
