#include "penchant/metrics/calibration.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace penchant::metrics {

Matrix<double> calibration_gaps(std::span<const float> confidence, std::span<const unsigned char> hit,
                                std::size_t bins) {
  const std::size_t n = confidence.size();
  PENCHANT_CHECK(hit.size() == n && bins > 0, "calibration: one outcome per confidence");
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](auto a, auto b) { return confidence[a] < confidence[b]; });
  Matrix<double> gaps(n, bins);
  std::size_t bin = 0;
  for (std::size_t k = 0; k < n; ++k) {
    if (k == 0 || confidence[order[k]] != confidence[order[k - 1]]) bin = k * bins / n;
    gaps(order[k], bin) = static_cast<double>(confidence[order[k]]) - (hit[order[k]] != 0 ? 1 : 0);
  }
  return gaps;
}

double calibration_error(std::span<const double> column_means) {
  double sum = 0;
  for (const double mean : column_means) sum += std::fabs(mean);
  return sum;
}

}  // namespace penchant::metrics
