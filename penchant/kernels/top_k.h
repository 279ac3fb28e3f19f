#pragma once
/// \file The k best of many scores, in an order that never depends on chance. Layer 1.
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "penchant/base/bitmap.h"

namespace penchant::kernels {

struct Scored {
  float score = 0;
  std::uint32_t index = 0;
  friend bool operator==(const Scored&, const Scored&) = default;
};
/// Higher score first; equal scores by lower index. A strict total order where no score is NaN.
[[nodiscard]] inline bool ranks_before(const Scored& a, const Scored& b) noexcept {
  return a.score != b.score ? a.score > b.score : a.index < b.index;
}

/// Collects the k best of a stream. Memory: 2k + 64 entries. Threads: one at a time.
class TopK {
 public:
  explicit TopK(std::size_t k);
  /// Takes the candidate if it is among the k best so far. NaN is never taken.
  void offer(float score, std::uint32_t index) {
    if (score >= threshold_) admit({score, index});
  }
  /// A score below this cannot enter. -infinity until k candidates have been pruned to.
  [[nodiscard]] float threshold() const noexcept { return threshold_; }
  /// The k best (fewer when fewer were offered), best first; leaves the collector empty.
  [[nodiscard]] std::vector<Scored> take();

 private:
  void admit(Scored candidate);
  void prune();
  std::vector<Scored> kept_;
  std::size_t k_;
  float threshold_ = -std::numeric_limits<float>::infinity();
};

/// The k best of scores [n], best first; index = position. With `allowed`, only positions whose bit
/// is set. NaN scores are left out.
[[nodiscard]] std::vector<Scored> top_k(std::span<const float> scores, std::size_t k,
                                        const Bitmap* allowed = nullptr);

}  // namespace penchant::kernels
