#pragma once
/// \file Nearest codeword of many rows: a blocked distance kernel that never stores [n, K]. Layer 3.
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"

namespace penchant::semantic_id {

/// Instruction set of the kernel. avx2 and avx512 add in the same order with the same fused
/// multiply-adds, so they return the same bytes; baseline rounds twice and may differ in near-ties.
enum class Isa : std::uint8_t { baseline, avx2, avx512 };
/// The widest this machine runs.
[[nodiscard]] Isa best_isa() noexcept;

/// sum (a[j] - b[j])^2; a and b have equal length. Fixed order of additions.
[[nodiscard]] float squared_distance(std::span<const float> a, std::span<const float> b) noexcept;

/// Codewords packed into panels for the search. Immutable; threads: const calls are safe together.
class CodewordTable {
 public:
  /// \param codewords [K, x], copied; K >= 1, finite
  explicit CodewordTable(MatrixView<const float> codewords);
  /// codes[i] = the codeword nearest to rows.row(i) in L2 (the lowest on a tie), distances[i] = its
  /// squared distance. The result does not depend on the number of threads.
  /// \param rows [n, x] finite; codes, distances [n]
  void nearest(MatrixView<const float> rows, std::span<std::uint32_t> codes, std::span<float> distances,
               Executor& executor) const {
    nearest(rows, codes, distances, executor, best_isa());
  }
  void nearest(MatrixView<const float> rows, std::span<std::uint32_t> codes, std::span<float> distances,
               Executor& executor, Isa isa) const;
  /// One row: squared distance to every codeword. \param out [K]
  void distances_to(std::span<const float> row, std::span<float> out) const;
  [[nodiscard]] std::size_t size() const noexcept { return codewords_.rows(); }
  [[nodiscard]] std::size_t dim() const noexcept { return codewords_.cols(); }
  [[nodiscard]] std::span<const float> codeword(std::size_t k) const { return codewords_.row(k); }

 private:
  Matrix<float> codewords_;        ///< [K, x]
  std::vector<float> panels_;      ///< [ceil(K / 32)][x][32], zero-padded
  std::vector<float> half_norms_;  ///< [32 * ceil(K / 32)]: |c|^2 / 2; the padding is +inf
};

}  // namespace penchant::semantic_id
