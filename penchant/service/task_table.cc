#include "penchant/service/task_table.h"

#include <algorithm>

namespace penchant::service {

namespace {
constexpr std::size_t kMaxWaiting = 64;
constexpr std::size_t kMaxKept = 256;
bool ended(TaskState state) { return state != TaskState::queued && state != TaskState::running; }
}  // namespace

std::string_view name_of(TaskState state) noexcept {
  switch (state) {
    case TaskState::queued: return "queued";
    case TaskState::running: return "running";
    case TaskState::succeeded: return "succeeded";
    case TaskState::failed: return "failed";
    case TaskState::cancelled: return "cancelled";
  }
  return "failed";
}

TaskTable::TaskTable(const Clock& clock) : clock_(clock), thread_([this] { work(); }) {}

TaskTable::~TaskTable() { stop(); }

Result<TaskInfo> TaskTable::start(std::string kind, Work work) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return Error{ErrorCode::unavailable, "the server is stopping"};
  const auto waiting = std::ranges::count_if(tasks_, [](const auto& t) { return t->info.state == TaskState::queued; });
  if (static_cast<std::size_t>(waiting) >= kMaxWaiting)
    return Error{ErrorCode::unavailable, "64 tasks wait already; see GET /v1/tasks"};
  auto task = std::make_shared<Task>();
  task->info.id = "t" + std::to_string(next_++);
  task->info.kind = std::move(kind);
  task->info.created_ms = clock_.now_ms();
  task->work = std::move(work);
  tasks_.push_back(task);
  for (auto it = tasks_.begin(); tasks_.size() > kMaxKept + kMaxWaiting && it != tasks_.end();)
    it = ended((*it)->info.state) ? tasks_.erase(it) : it + 1;
  wake_.notify_all();
  return task->info;
}

std::vector<TaskInfo> TaskTable::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<TaskInfo> out;
  for (auto it = tasks_.rbegin(); it != tasks_.rend(); ++it) out.push_back((*it)->info);
  return out;
}

std::shared_ptr<TaskTable::Task> TaskTable::find(std::string_view id) const {
  const auto it = std::ranges::find_if(tasks_, [&](const auto& task) { return task->info.id == id; });
  return it == tasks_.end() ? nullptr : *it;
}

Result<TaskInfo> TaskTable::get(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  const auto task = find(id);
  if (!task) return Error{ErrorCode::not_found, "no task \"" + std::string(id) + "\"; tasks end with the server process"};
  return task->info;
}

Result<TaskInfo> TaskTable::cancel(std::string_view id) {
  const std::lock_guard lock(mutex_);
  const auto task = find(id);
  if (!task) return Error{ErrorCode::not_found, "no task \"" + std::string(id) + "\""};
  task->cancel = true;
  if (task->info.state == TaskState::queued) {
    task->info.state = TaskState::cancelled;
    task->info.finished_ms = clock_.now_ms();
  }
  return task->info;
}

void TaskTable::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const auto& task : tasks_) {
      task->cancel = true;
      if (task->info.state == TaskState::queued) task->info.state = TaskState::cancelled;
    }
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void TaskTable::work() {
  for (;;) {
    std::shared_ptr<Task> task;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] {
        const auto next = std::ranges::find_if(tasks_, [](const auto& t) { return t->info.state == TaskState::queued; });
        if (next != tasks_.end()) task = *next;
        return stopping_ || task;
      });
      if (stopping_) return;
      task->info.state = TaskState::running;
      task->info.started_ms = clock_.now_ms();
    }
    Result<std::string> outcome = Error{ErrorCode::internal, "the task did not run"};
    try {
      outcome = task->work([&](const Progress& progress) { return report(*task, progress); });
    } catch (const std::exception& e) {
      outcome = Error{ErrorCode::internal, e.what()};
    }
    finish(*task, std::move(outcome));
  }
}

bool TaskTable::report(Task& task, const Progress& progress) {
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (progress.step != task.info.progress.step || progress.done < task.info.progress.done) {
    task.step_began = now;
    task.step_first = progress.done;
  }
  task.info.progress = progress;
  task.info.eta_seconds.reset();
  const double seconds = std::chrono::duration<double>(now - task.step_began).count();
  if (progress.total >= progress.done && progress.done > task.step_first && seconds > 0.2)
    task.info.eta_seconds = seconds * static_cast<double>(progress.total - progress.done) /
                            static_cast<double>(progress.done - task.step_first);
  return !task.cancel;
}

void TaskTable::finish(Task& task, Result<std::string> outcome) {
  const std::lock_guard lock(mutex_);
  task.info.finished_ms = clock_.now_ms();
  task.info.eta_seconds.reset();
  task.work = nullptr;
  if (outcome.ok()) {
    task.info.state = TaskState::succeeded;
    task.info.result = std::move(outcome).value();
  } else if (outcome.error().code == ErrorCode::cancelled && task.cancel) {
    task.info.state = TaskState::cancelled;
  } else {
    task.info.state = TaskState::failed;
    task.info.error = std::move(outcome).error();
  }
}

}  // namespace penchant::service
