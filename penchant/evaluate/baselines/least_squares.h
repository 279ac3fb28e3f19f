#pragma once
/// \file The row solver of iALS. Layer 6.
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"

namespace penchant::evaluate {

/// Turns the rows of `side` [rows, d] into the eigenvectors of side^T side, in place, and returns its
/// eigenvalues [d] (never negative). The same bits for any number of threads.
std::vector<float> diagonalise(MatrixView<float> side, Executor& executor);

/// Minimises over x [d]:  sum_r weight_r (x.z_r - 1)^2 + sum_k diagonal_k x_k^2.
/// Threads: one at a time; keep one per thread, it holds the scratch memory.
class RowSolver {
 public:
  /// \param side [rows, d] lives as long as the solver \param diagonal [d] all > 0
  explicit RowSolver(MatrixView<const float> side) : side_(side) {}
  /// \param rows which z; distinct \param weights as rows, > 0; empty = all 1
  /// \param out [d], overwritten; zero where there are no rows
  void solve(std::span<const std::uint32_t> rows, std::span<const float> weights,
             std::span<const float> diagonal, std::span<float> out);

 private:
  void solve_by_rows(std::span<const float> diagonal, std::span<float> out);
  void solve_by_columns(std::span<const float> diagonal, std::span<float> out);
  void factor_and_solve(std::size_t n);

  MatrixView<const float> side_;
  std::size_t rows_ = 0;         ///< of the current system
  std::vector<float> z_, root_;  ///< [rows, d] scaled by the square roots of the weights; [rows] those roots
  std::vector<float> system_;    ///< [n, n] lower triangle, then its Cholesky factor
  std::vector<float> right_;     ///< [n] right side, then the solution
  std::vector<float> transposed_, panels_, zeros_;
};

}  // namespace penchant::evaluate
