#include "penchant/service/recommendation_id.h"

namespace penchant::service {

std::string RecommendationIds::next(std::int64_t now_ms) {
  constexpr char kLetters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  std::uint64_t first = 0, second = 0;
  {
    const std::lock_guard lock(mutex_);
    first = rng_();
    second = rng_();
  }
  std::string out(26, '0');
  auto time = static_cast<std::uint64_t>(now_ms);
  for (int i = 9; i >= 0; --i, time >>= 5) out[static_cast<std::size_t>(i)] = kLetters[time & 31];
  for (int i = 17; i >= 10; --i, first >>= 5) out[static_cast<std::size_t>(i)] = kLetters[first & 31];
  for (int i = 25; i >= 18; --i, second >>= 5) out[static_cast<std::size_t>(i)] = kLetters[second & 31];
  return out;
}

}  // namespace penchant::service
