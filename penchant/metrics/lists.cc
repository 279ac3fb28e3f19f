#include "penchant/metrics/lists.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "penchant/base/bitmap.h"

namespace penchant::metrics {

double coverage(std::span<const std::uint32_t> recommended, std::size_t items) {
  if (items == 0) return 0;
  Bitmap seen(items);
  for (const std::uint32_t row : recommended)
    if (row < items) seen.set(row);
  return static_cast<double>(seen.count()) / static_cast<double>(items);
}

double mean_popularity(std::span<const std::uint32_t> list, std::span<const std::uint32_t> popularity) {
  if (list.empty()) return 0;
  double sum = 0;
  for (const std::uint32_t row : list) sum += row < popularity.size() ? popularity[row] : 0;
  return sum / static_cast<double>(list.size());
}

double gini(std::span<const std::uint32_t> counts) {
  std::vector<std::uint32_t> sorted(counts.begin(), counts.end());
  std::sort(sorted.begin(), sorted.end());
  double total = 0, weighted = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    total += sorted[i];
    weighted += static_cast<double>(i + 1) * sorted[i];
  }
  if (total == 0) return 0;
  const double n = static_cast<double>(sorted.size());
  return 2 * weighted / (n * total) - (n + 1) / n;
}

double intra_list_diversity(std::span<const std::uint32_t> list, MatrixView<const float> vectors) {
  if (list.size() < 2) return 0;
  std::vector<double> norm;
  norm.reserve(list.size());
  for (const std::uint32_t row : list) {
    double sum = 0;
    for (const float x : vectors.row(row)) sum += static_cast<double>(x) * x;
    norm.push_back(std::sqrt(sum));
  }
  double distance = 0;
  for (std::size_t a = 0; a < list.size(); ++a) {
    for (std::size_t b = a + 1; b < list.size(); ++b) {
      const auto x = vectors.row(list[a]), y = vectors.row(list[b]);
      double dot = 0;
      for (std::size_t i = 0; i < x.size(); ++i) dot += static_cast<double>(x[i]) * y[i];
      const double scale = norm[a] * norm[b];
      distance += scale > 0 ? 1 - dot / scale : 1;
    }
  }
  const double pairs = static_cast<double>(list.size()) * static_cast<double>(list.size() - 1) / 2;
  return distance / pairs;
}

double unit_list_diversity(std::span<const std::uint32_t> list, MatrixView<const float> vectors,
                           std::vector<float>& sum) {
  if (list.size() < 2) return 0;
  sum.assign(vectors.cols(), 0);
  double lengths = 0;
  for (const std::uint32_t row : list) {
    const auto v = vectors.row(row);
    float length = 0;
    for (std::size_t i = 0; i < v.size(); ++i) {
      sum[i] += v[i];
      length += v[i] * v[i];
    }
    lengths += length;
  }
  double all = 0;
  for (const float x : sum) all += static_cast<double>(x) * x;
  const double n = static_cast<double>(list.size());
  return 1 - (all - lengths) / (n * (n - 1));
}

std::vector<float> self_information(std::span<const std::uint32_t> counts) {
  double total = 0;
  for (const std::uint32_t count : counts) total += count;
  std::vector<float> bits(counts.size(), 0);
  if (total == 0) return bits;
  for (std::size_t i = 0; i < counts.size(); ++i)
    bits[i] = static_cast<float>(std::log2(total / std::max(counts[i], 1U)));
  return bits;
}

}  // namespace penchant::metrics
