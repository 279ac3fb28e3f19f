#include "penchant/base/executor.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace penchant {
namespace {
thread_local bool inside_pool = false;
}

struct Executor::Impl {
  struct Loop {
    const std::function<void(std::size_t, std::size_t)>* body = nullptr;
    std::size_t n = 0, chunk = 0;
    std::atomic<std::size_t> next{0};
    std::exception_ptr first_error;
    std::mutex error_mutex;

    void work() {
      for (;;) {
        const std::size_t begin = next.fetch_add(chunk);
        if (begin >= n) return;
        try {
          (*body)(begin, std::min(n, begin + chunk));
        } catch (...) {
          const std::lock_guard lock(error_mutex);
          if (!first_error) first_error = std::current_exception();
          next = n;
        }
      }
    }
  };

  std::vector<std::jthread> workers;
  std::mutex mutex, one_loop;
  std::condition_variable wake, idle;
  Loop* loop = nullptr;          // guarded by mutex
  std::size_t generation = 0;    // guarded by mutex
  std::size_t busy = 0;          // guarded by mutex
  bool stopping = false;         // guarded by mutex

  void run_worker() {
    inside_pool = true;
    std::size_t seen = 0;
    std::unique_lock lock(mutex);
    for (;;) {
      wake.wait(lock, [&] { return stopping || generation != seen; });
      if (stopping) return;
      seen = generation;
      if (loop == nullptr) continue;
      Loop* mine = loop;
      ++busy;
      lock.unlock();
      mine->work();
      lock.lock();
      if (--busy == 0) idle.notify_all();
    }
  }
};

Executor::Executor(std::size_t threads) : impl_(std::make_unique<Impl>()) {
  if (threads == 0) threads = std::max(1u, std::thread::hardware_concurrency());
  for (std::size_t i = 1; i < threads; ++i)
    impl_->workers.emplace_back([impl = impl_.get()] { impl->run_worker(); });
}

Executor::~Executor() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake.notify_all();
}

std::size_t Executor::threads() const noexcept { return impl_->workers.size() + 1; }

void Executor::parallel_for(std::size_t n, std::size_t grain,
                            const std::function<void(std::size_t, std::size_t)>& body) {
  if (n == 0) return;
  grain = std::max<std::size_t>(grain, 1);
  if (impl_->workers.empty() || n <= grain || inside_pool) {
    body(0, n);
    return;
  }
  const std::lock_guard one(impl_->one_loop);
  Impl::Loop loop;
  loop.body = &body;
  loop.n = n;
  loop.chunk = std::max(grain, n / (threads() * 8) + 1);
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->loop = &loop;
    ++impl_->generation;
  }
  impl_->wake.notify_all();
  inside_pool = true;
  loop.work();
  inside_pool = false;
  std::unique_lock lock(impl_->mutex);
  impl_->loop = nullptr;
  impl_->idle.wait(lock, [&] { return impl_->busy == 0; });
  lock.unlock();
  if (loop.first_error) std::rethrow_exception(loop.first_error);
}

}  // namespace penchant
