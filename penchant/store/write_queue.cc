#include "penchant/store/write_queue.h"

#include <algorithm>
#include <exception>
#include <new>

namespace penchant::store {

Status WriteQueue::run(const std::function<Status(Database&)>& write) {
  Request mine{&write, {}, false, false};
  return enqueue(mine);
}

Status WriteQueue::run_outside(const std::function<Status(Database&)>& work) {
  Request mine{&work, {}, false, true};
  return enqueue(mine);
}

Status WriteQueue::enqueue(Request& mine) {
  std::unique_lock lock(mutex_);
  waiting_.push_back(&mine);
  done_.wait(lock, [&] { return mine.done || !leading_; });
  if (mine.done) return mine.status;
  leading_ = true;
  std::vector<Request*> group;
  group.swap(waiting_);  // holds `mine`: it is not done and nobody else led since
  lock.unlock();
  commit_group(group);
  lock.lock();
  for (Request* request : group) request->done = true;
  leading_ = false;
  lock.unlock();
  done_.notify_all();
  return mine.status;
}

Status WriteQueue::call(const Request& request) {
  try {
    return (*request.write)(db_);
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::resource_exhausted, "out of memory while writing"};
  } catch (const std::exception& error) {
    return Error{ErrorCode::internal, error.what()};
  }
}

void WriteQueue::commit_alone(Request& request) {
  if (request.outside) {
    request.status = call(request);
    return;
  }
  request.status = db_.execute("BEGIN IMMEDIATE");
  if (!request.status.ok()) return;
  request.status = call(request);
  if (request.status.ok()) request.status = db_.execute("COMMIT");
  if (db_.in_transaction()) (void)db_.execute("ROLLBACK");
}

void WriteQueue::commit_group(std::vector<Request*>& group) {
  const bool shared = group.size() > 1 &&
                      std::none_of(group.begin(), group.end(), [](const Request* r) { return r->outside; });
  if (shared) {
    Status status = db_.execute("BEGIN IMMEDIATE");
    if (!status.ok()) {
      for (Request* request : group) request->status = status;
      return;
    }
    bool whole = true;
    for (Request* request : group) {
      whole = db_.execute("SAVEPOINT one").ok();
      if (!whole) break;
      request->status = call(*request);
      whole = db_.in_transaction();  // a full disk can end the whole transaction
      if (!whole) break;
      if (!request->status.ok()) whole = db_.execute("ROLLBACK TO one").ok();
      whole = whole && db_.execute("RELEASE one").ok();
      if (!whole) break;
    }
    if (whole && db_.execute("COMMIT").ok()) return;
    if (db_.in_transaction()) (void)db_.execute("ROLLBACK");
  }
  for (Request* request : group) commit_alone(*request);
}

}  // namespace penchant::store
