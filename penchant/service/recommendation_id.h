#pragma once
/// \file Names for lists that sort by time. Layer 6.
#include <cstdint>
#include <mutex>
#include <string>

#include "penchant/base/rng.h"

namespace penchant::service {

/// ULIDs: 48 bits of milliseconds and 80 random bits as 26 letters and digits (Crockford base 32).
/// Threads: next() is safe from any thread.
class RecommendationIds {
 public:
  explicit RecommendationIds(std::uint64_t seed) : rng_(seed) {}
  [[nodiscard]] std::string next(std::int64_t now_ms);

 private:
  std::mutex mutex_;  // guards rng_
  Rng rng_;
};

}  // namespace penchant::service
