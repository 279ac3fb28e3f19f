#include "penchant/semantic_id/assignment.h"

#include <algorithm>
#include <limits>

namespace penchant::semantic_id {
namespace {

constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

/// Dual-feasible partial matching that grows by one row at a time.
class Matching {
 public:
  explicit Matching(MatrixView<const float> cost)
      : cost_(cost),
        row_price_(cost.rows()),
        column_price_(cost.cols(), 0.0),
        row_of_(cost.cols(), kNone),
        column_of_(cost.rows(), kNone) {}

  std::vector<std::uint32_t> solve() {
    std::vector<std::uint32_t> waiting;
    for (std::uint32_t r = 0; r < cost_.rows(); ++r) {
      const auto row = cost_.row(r);
      const auto cheapest = static_cast<std::uint32_t>(std::ranges::min_element(row) - row.begin());
      row_price_[r] = row[cheapest];
      if (row_of_[cheapest] == kNone) {
        row_of_[cheapest] = r;
        column_of_[r] = cheapest;
      } else {
        waiting.push_back(r);
      }
    }
    for (const auto r : waiting) place(r);
    return column_of_;
  }

 private:
  /// Dijkstra over reduced costs from row `start` to the nearest free column, then flips the path.
  void place(std::uint32_t start) {
    const std::size_t cols = cost_.cols();
    constexpr double infinity = std::numeric_limits<double>::infinity();
    distance_.assign(cols, infinity);
    from_.assign(cols, kNone);
    done_.assign(cols, 0);
    reached_.clear();
    std::uint32_t row = start, last = kNone;
    double base = 0;
    while (last == kNone) {
      double nearest = infinity;
      std::uint32_t next = kNone;
      const auto costs = cost_.row(row);
      for (std::uint32_t c = 0; c < cols; ++c) {
        if (done_[c]) continue;
        const double d = base + costs[c] - row_price_[row] - column_price_[c];
        if (d < distance_[c]) {
          distance_[c] = d;
          from_[c] = row;
        }
        if (distance_[c] < nearest) {
          nearest = distance_[c];
          next = c;
        }
      }
      PENCHANT_CHECK(next != kNone, "as many columns as rows");
      done_[next] = 1;
      base = nearest;
      if (row_of_[next] == kNone) {
        last = next;
      } else {
        reached_.push_back(next);
        row = row_of_[next];
      }
    }
    row_price_[start] += base;
    for (const auto c : reached_) {
      row_price_[row_of_[c]] += base - distance_[c];
      column_price_[c] -= base - distance_[c];
    }
    for (std::uint32_t column = last;;) {
      const std::uint32_t r = from_[column];
      row_of_[column] = r;
      std::swap(column_of_[r], column);
      if (r == start) break;
    }
  }

  MatrixView<const float> cost_;  // lives as long as the call that made this
  std::vector<double> row_price_, column_price_, distance_;
  std::vector<std::uint32_t> row_of_, column_of_, from_, reached_;
  std::vector<std::uint8_t> done_;
};

}  // namespace

std::vector<std::uint32_t> min_cost_assignment(MatrixView<const float> cost) {
  PENCHANT_CHECK(cost.rows() <= cost.cols(), "at least as many columns as rows");
  return Matching(cost).solve();
}

std::vector<std::uint32_t> greedy_assignment(MatrixView<const float> cost) {
  PENCHANT_CHECK(cost.rows() <= cost.cols(), "at least as many columns as rows");
  struct Pair {
    float regret;
    std::uint32_t row, column;
    auto operator<=>(const Pair&) const = default;
  };
  std::vector<Pair> pairs;
  pairs.reserve(cost.rows() * cost.cols());
  for (std::uint32_t r = 0; r < cost.rows(); ++r) {
    const auto row = cost.row(r);
    const float cheapest = *std::ranges::min_element(row);
    for (std::uint32_t c = 0; c < cost.cols(); ++c) pairs.push_back({row[c] - cheapest, r, c});
  }
  std::ranges::sort(pairs, [](const Pair& a, const Pair& b) { return a < b; });
  std::vector<std::uint32_t> column_of(cost.rows(), kNone);
  std::vector<std::uint8_t> taken(cost.cols(), 0);
  for (const auto& pair : pairs)
    if (column_of[pair.row] == kNone && !taken[pair.column]) {
      column_of[pair.row] = pair.column;
      taken[pair.column] = 1;
    }
  return column_of;
}

}  // namespace penchant::semantic_id
