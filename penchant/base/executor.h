#pragma once
/// \file Threads, handed down: a library never starts its own. Layer 0.
#include <cstddef>
#include <functional>
#include <memory>

namespace penchant {

/// Runs loops over a fixed set of threads. Threads: `parallel_for` may be called from any thread
/// outside the pool, one call at a time per Executor is fastest; nested calls run inline.
class Executor {
 public:
  /// \param threads including the caller's; 0 = as many as the machine has
  explicit Executor(std::size_t threads);
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  [[nodiscard]] std::size_t threads() const noexcept;
  /// Calls body(begin, end) over disjoint chunks of [0, n), each of at least `grain` elements,
  /// and returns when all are done. The first exception of a body is rethrown here.
  void parallel_for(std::size_t n, std::size_t grain,
                    const std::function<void(std::size_t, std::size_t)>& body);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penchant
