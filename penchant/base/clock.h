#pragma once
/// \file The time of day as an argument, so that tests can set it. Layer 0.
#include <chrono>
#include <cstdint>

namespace penchant {

/// Milliseconds since 1970-01-01 UTC. Threads: implementations are safe for concurrent use.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual std::int64_t now_ms() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t now_ms() const override {
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
  }
};

/// A clock that stands where it was put.
class FixedClock final : public Clock {
 public:
  explicit FixedClock(std::int64_t ms) : ms_(ms) {}
  [[nodiscard]] std::int64_t now_ms() const override { return ms_; }
  void set(std::int64_t ms) { ms_ = ms; }

 private:
  std::int64_t ms_;
};

}  // namespace penchant
