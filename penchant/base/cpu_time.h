#pragma once
/// \file CPU time of the process, for benchmarks. Layer 0.
#include <sys/resource.h>

namespace penchant {

/// Seconds of user and system time that all threads of this process have used so far.
[[nodiscard]] inline double cpu_seconds() noexcept {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec); };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace penchant
