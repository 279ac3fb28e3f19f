#pragma once
/// \file Group commit: writers that arrive together share one transaction. Internal to store.
#include <condition_variable>
#include <functional>
#include <mutex>
#include <vector>

#include "penchant/base/result.h"
#include "penchant/store/sqlite_database.h"

namespace penchant::store {

/// The first caller becomes the leader and commits everything that queued up meanwhile; the others
/// wait for it. No thread of its own. Each caller is answered after COMMIT returned, or with the
/// reason why nothing of its call is on disk. Threads: run() from any.
class WriteQueue {
 public:
  /// `db` must outlive the queue and be used by nobody else.
  explicit WriteQueue(Database& db) : db_(db) {}

  /// Runs `write` inside a transaction. It may run a second time after a roll-back, so it must
  /// set its results anew each time. Exceptions of `write` become `internal` or
  /// `resource_exhausted` errors.
  Status run(const std::function<Status(Database&)>& write);
  /// Runs `work` alone on the connection, outside any transaction.
  Status run_outside(const std::function<Status(Database&)>& work);

 private:
  struct Request {
    const std::function<Status(Database&)>* write;  ///< lives in the waiting caller
    Status status;
    bool done = false;
    bool outside = false;  ///< not in a transaction
  };
  Status enqueue(Request& mine);
  void commit_group(std::vector<Request*>& group);
  void commit_alone(Request& request);
  Status call(const Request& request);

  Database& db_;
  std::mutex mutex_;
  std::condition_variable done_;
  std::vector<Request*> waiting_;  ///< guarded by mutex_
  bool leading_ = false;           ///< guarded by mutex_
};

}  // namespace penchant::store
