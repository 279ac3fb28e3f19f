#include "penchant/evaluate/baselines/sampling.h"

#include <numeric>

namespace penchant::evaluate {

AliasTable::AliasTable(std::span<const double> weights)
    : keep_(weights.size(), 1.0f), other_(weights.size()) {
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<double> share(weights.size());
  std::vector<std::uint32_t> small, large;
  for (std::uint32_t i = 0; i < weights.size(); ++i) {
    other_[i] = i;
    share[i] = weights[i] * static_cast<double>(weights.size()) / total;
    (share[i] < 1 ? small : large).push_back(i);
  }
  while (!small.empty() && !large.empty()) {
    const auto from = small.back(), to = large.back();
    small.pop_back();
    keep_[from] = static_cast<float>(share[from]);
    other_[from] = to;
    share[to] -= 1 - share[from];
    if (share[to] < 1) {
      large.pop_back();
      small.push_back(to);
    }
  }
}

}  // namespace penchant::evaluate
