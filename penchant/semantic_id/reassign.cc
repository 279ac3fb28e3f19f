#include "penchant/semantic_id/reassign.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "penchant/semantic_id/assignment.h"

namespace penchant::semantic_id {
namespace {

constexpr std::size_t kMaxPairs = std::size_t{1} << 22;  // cost matrix of one piece: 16 MiB

/// Items of one prefix (rows of the catalogue).
using Group = std::span<const std::uint32_t>;

/// Solves one prefix piece by piece.
class PrefixSolver {
 public:
  PrefixSolver(const Codebooks& codebooks, MatrixView<const float> encoded, std::uint64_t exact_work)
      : books_(codebooks), encoded_(encoded), exact_work_(exact_work), last_(codebooks.levels() - 1) {}

  PrefixOutcome solve(Group group, Matrix<Code>& codes) {
    const std::size_t k = books_.codebook(last_);
    // A huge prefix is dealt with in pieces of a whole multiple of K, so that loads stay even.
    const std::size_t piece = std::max<std::size_t>(k, kMaxPairs / k / k * k);
    for (std::size_t begin = 0; begin < group.size(); begin += piece)
      solve_piece(group.subspan(begin, std::min(piece, group.size() - begin)), codes);
    return outcome_;
  }

 private:
  void solve_piece(Group items, Matrix<Code>& codes) {
    const std::size_t k = books_.codebook(last_);
    Matrix<float> cost(items.size(), k);  // rise of the squared error of item i with code c
    std::vector<float> left(books_.dim());
    bool same = true;
    for (std::size_t i = 0; i < items.size(); ++i) {
      books_.residual(encoded_.row(items[i]), codes.row(items[i]), last_, left);
      books_.table(last_).distances_to(left, cost.row(i));
      const float cheapest = *std::ranges::min_element(cost.row(i));
      for (auto& c : cost.row(i)) c -= cheapest;
      same = same && std::ranges::equal(cost.row(i), cost.row(0));
    }
    if (same) return deal(items, cost, codes);
    std::vector<std::uint32_t> waiting(items.size());  // rows of `cost`
    std::iota(waiting.begin(), waiting.end(), 0u);
    while (waiting.size() > k) waiting = fill_all_codes(items, cost, waiting, codes);
    Matrix<float> rest(waiting.size(), k);
    for (std::size_t i = 0; i < waiting.size(); ++i)
      std::ranges::copy(cost.row(waiting[i]), rest.row(i).begin());
    const auto chosen = match(rest.view());
    for (std::size_t i = 0; i < waiting.size(); ++i) give(items, cost, waiting[i], chosen[i], codes);
  }

  /// Equal items: any one will do, so the codes are dealt round by round, cheapest first.
  void deal(Group items, const Matrix<float>& cost, Matrix<Code>& codes) {
    std::vector<std::uint32_t> order(books_.codebook(last_));
    std::iota(order.begin(), order.end(), 0u);
    std::ranges::stable_sort(order, {}, [&](std::uint32_t c) { return cost(0, c); });
    for (std::size_t i = 0; i < items.size(); ++i)
      give(items, cost, static_cast<std::uint32_t>(i), order[i % order.size()], codes);
  }

  /// One round of an overfull prefix: every code takes one more item. Returns who still waits.
  std::vector<std::uint32_t> fill_all_codes(Group items, const Matrix<float>& cost,
                                            const std::vector<std::uint32_t>& waiting, Matrix<Code>& codes) {
    Matrix<float> by_code(books_.codebook(last_), waiting.size());
    for (std::size_t i = 0; i < waiting.size(); ++i)
      for (std::size_t c = 0; c < by_code.rows(); ++c) by_code(c, i) = cost(waiting[i], c);
    const auto chosen = match(by_code.view());
    std::vector<std::uint8_t> placed(waiting.size(), 0);
    for (std::uint32_t c = 0; c < chosen.size(); ++c) {
      give(items, cost, waiting[chosen[c]], c, codes);
      placed[chosen[c]] = 1;
    }
    std::vector<std::uint32_t> rest;
    for (std::size_t i = 0; i < waiting.size(); ++i)
      if (!placed[i]) rest.push_back(waiting[i]);
    return rest;
  }

  std::vector<std::uint32_t> match(MatrixView<const float> cost) {
    std::vector<std::uint8_t> wanted(cost.cols(), 0);
    std::uint64_t colliding = 0;
    for (std::size_t r = 0; r < cost.rows(); ++r) {
      const auto row = cost.row(r);
      auto& taken = wanted[static_cast<std::size_t>(std::ranges::min_element(row) - row.begin())];
      colliding += taken;
      taken = 1;
    }
    if (colliding * cost.rows() * cost.cols() <= exact_work_) return min_cost_assignment(cost);
    outcome_.greedy = true;
    return greedy_assignment(cost);
  }

  void give(Group items, const Matrix<float>& cost, std::uint32_t item, std::uint32_t code,
            Matrix<Code>& codes) {
    codes(items[item], last_) = static_cast<Code>(code);
    outcome_.cost += cost(item, code);
  }

  const Codebooks& books_;           // lives through reassign_prefix
  MatrixView<const float> encoded_;  // likewise
  std::uint64_t exact_work_;
  std::size_t last_;
  PrefixOutcome outcome_;
};

}  // namespace

PrefixOutcome reassign_prefix(const Codebooks& codebooks, MatrixView<const float> encoded,
                              std::span<const std::uint32_t> items, std::uint64_t exact_work,
                              Matrix<Code>& codes) {
  return PrefixSolver(codebooks, encoded, exact_work).solve(items, codes);
}

}  // namespace penchant::semantic_id
