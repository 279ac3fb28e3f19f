#include "penchant/kernels/top_k.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "penchant/base/result.h"
#include "penchant/kernels/vectors.h"

namespace penchant::kernels {

TopK::TopK(std::size_t k) : k_(std::min<std::size_t>(k, 1ULL << 32)) {
  if (k == 0) threshold_ = std::numeric_limits<float>::infinity();
}

void TopK::admit(Scored candidate) {
  if (k_ == 0) return;
  kept_.push_back(candidate);
  if (kept_.size() >= 2 * k_ + 64) prune();
}

void TopK::prune() {
  if (kept_.size() <= k_) return;
  const auto kth = kept_.begin() + static_cast<std::ptrdiff_t>(k_ - 1);
  std::nth_element(kept_.begin(), kth, kept_.end(), ranks_before);
  threshold_ = kth->score;
  kept_.resize(k_);
}

std::vector<Scored> TopK::take() {
  if (k_ > 0) prune();
  std::sort(kept_.begin(), kept_.end(), ranks_before);
  threshold_ = k_ == 0 ? threshold_ : -std::numeric_limits<float>::infinity();
  return std::exchange(kept_, {});
}

std::vector<Scored> top_k(std::span<const float> scores, std::size_t k, const Bitmap* allowed) {
  PENCHANT_CHECK(allowed == nullptr || allowed->size() >= scores.size(),
                 "top_k: the bitmap is shorter than the scores");
  TopK best(k);
  constexpr float kLowest = -std::numeric_limits<float>::infinity();
  const auto take = [&](std::size_t i) {
    if (allowed == nullptr || allowed->test(i)) best.offer(scores[i], static_cast<std::uint32_t>(i));
  };
  std::size_t i = 0;
  // While everything enters, walk; then jump from one score above the threshold to the next.
  // Indices ascend, so a score equal to the threshold has lost its tie already.
  for (; i < scores.size() && best.threshold() == kLowest; ++i) take(i);
  for (; (i = find_above(scores, i, best.threshold())) < scores.size(); ++i) take(i);
  return best.take();
}

}  // namespace penchant::kernels
