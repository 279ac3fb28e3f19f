#include "penchant/evaluate/baselines/least_squares.h"

#include <algorithm>
#include <cmath>

#include "penchant/kernels/linear.h"
#include "penchant/kernels/panels.h"
#include "penchant/kernels/symmetric_eigen.h"
#include "penchant/kernels/vectors.h"

namespace penchant::evaluate {
namespace {

using kernels::kPanel;

constexpr std::size_t kGramRows =
    1024;  ///< rows of one partial sum: fixed, so that sums do not depend on threads
constexpr std::size_t kTurnRows = 256;

constexpr std::size_t round_up(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }

/// gram = rows^T rows, lower and upper, [d, d]; `z` [n, d] dense.
struct GramScratch {
  std::vector<float>&transposed, &panels, &zeros;
};
void gram_of(MatrixView<const float> z, MatrixView<float> gram, GramScratch scratch) {
  const std::size_t n = z.rows(), d = z.cols(), padded = round_up(n, kernels::kInputBlock);
  scratch.transposed.resize(d * n);
  scratch.panels.assign(round_up(d, kPanel) * padded, 0.0f);
  scratch.zeros.assign(round_up(d, kPanel), 0.0f);
  for (std::size_t r = 0; r < n; ++r) {
    const float* row = z.data() + r * z.stride();
    for (std::size_t k = 0; k < d; ++k) scratch.transposed[k * n + r] = row[k];
    for (std::size_t k = 0; k < d; k += kPanel)
      std::copy_n(row + k, std::min(kPanel, d - k),
                  scratch.panels.data() + k / kPanel * padded * kPanel + r * kPanel);
  }
  kernels::multiply_panels({scratch.panels.data(), scratch.zeros.data(), n, padded, d},
                           MatrixView<const float>(scratch.transposed.data(), d, n), gram);
}

}  // namespace

std::vector<float> diagonalise(MatrixView<float> side, Executor& executor) {
  const std::size_t d = side.cols(), parts = (side.rows() + kGramRows - 1) / kGramRows;
  std::vector<Matrix<float>> partial(parts);
  executor.parallel_for(parts, 1, [&](std::size_t begin, std::size_t end) {
    std::vector<float> transposed, panels, zeros;
    for (std::size_t p = begin; p < end; ++p) {
      partial[p] = Matrix<float>(d, d);
      const std::size_t first = p * kGramRows;
      gram_of(side.rows_from(first, std::min(kGramRows, side.rows() - first)), partial[p].view(),
              {transposed, panels, zeros});
    }
  });
  Matrix<double> gram(d, d);
  for (const auto& part : partial)
    for (std::size_t i = 0; i < d; ++i)
      for (std::size_t j = 0; j <= i; ++j) gram(i, j) += part(i, j);
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t j = 0; j < i; ++j) gram(j, i) = gram(i, j);
  const kernels::Eigen eigen = kernels::symmetric_eigen(std::move(gram));

  Matrix<float> turn(d, d);
  for (std::size_t k = 0; k < d; ++k)
    for (std::size_t j = 0; j < d; ++j) turn(k, j) = static_cast<float>(eigen.vectors(k, j));
  const kernels::PackedLinear turned(turn.view(), {});
  const std::size_t blocks = (side.rows() + kTurnRows - 1) / kTurnRows;
  executor.parallel_for(blocks, 1, [&](std::size_t begin, std::size_t end) {
    Matrix<float> out(kTurnRows, d);
    for (std::size_t b = begin; b < end; ++b) {
      const auto rows = side.rows_from(b * kTurnRows, std::min(kTurnRows, side.rows() - b * kTurnRows));
      turned.apply(rows, out.view().rows_from(0, rows.rows()));
      std::copy_n(out.values().data(), rows.rows() * d, rows.data());
    }
  });
  std::vector<float> values(d);
  for (std::size_t k = 0; k < d; ++k) values[k] = static_cast<float>(std::max(eigen.values[k], 0.0));
  return values;
}

void RowSolver::solve(std::span<const std::uint32_t> rows, std::span<const float> weights,
                      std::span<const float> diagonal, std::span<float> out) {
  const std::size_t d = side_.cols();
  std::ranges::fill(out, 0.0f);
  rows_ = rows.size();
  if (rows_ == 0) return;
  z_.resize(rows_ * d);
  root_.assign(rows_, 1.0f);
  for (std::size_t r = 0; r < rows_; ++r) {
    std::copy_n(side_.data() + rows[r] * side_.stride(), d, z_.data() + r * d);
    if (weights.empty()) continue;
    root_[r] = std::sqrt(weights[r]);
    for (std::size_t k = 0; k < d; ++k) z_[r * d + k] *= root_[r];
  }
  if (rows_ < d)
    solve_by_rows(diagonal, out);
  else
    solve_by_columns(diagonal, out);
}

/// x = D^-1 Z^T (I + Z D^-1 Z^T)^-1 root: a system of as many unknowns as rows.
void RowSolver::solve_by_rows(std::span<const float> diagonal, std::span<float> out) {
  const std::size_t d = side_.cols(), n = rows_;
  transposed_.resize(d);
  for (std::size_t k = 0; k < d; ++k) transposed_[k] = 1 / std::sqrt(diagonal[k]);
  for (std::size_t r = 0; r < n; ++r)
    for (std::size_t k = 0; k < d; ++k) z_[r * d + k] *= transposed_[k];
  system_.resize(n * n);
  const MatrixView<const float> z(z_.data(), n, d);
  for (std::size_t r = 0; r < n; ++r) {
    kernels::scores(z.rows_from(0, r + 1), z.row(r), {system_.data() + r * n, r + 1});
    system_[r * n + r] += 1;
  }
  right_ = root_;
  factor_and_solve(n);
  for (std::size_t r = 0; r < n; ++r) kernels::add_scaled(out, right_[r], z.row(r));
  for (std::size_t k = 0; k < d; ++k) out[k] *= transposed_[k];
}

/// (D + Z^T Z) x = Z^T root: as many unknowns as columns.
void RowSolver::solve_by_columns(std::span<const float> diagonal, std::span<float> out) {
  const std::size_t d = side_.cols();
  system_.resize(d * d);
  const MatrixView<const float> z(z_.data(), rows_, d);
  gram_of(z, MatrixView<float>(system_.data(), d, d), {transposed_, panels_, zeros_});
  for (std::size_t k = 0; k < d; ++k) system_[k * d + k] += diagonal[k];
  right_.assign(d, 0.0f);
  for (std::size_t r = 0; r < rows_; ++r) kernels::add_scaled(right_, root_[r], z.row(r));
  factor_and_solve(d);
  std::ranges::copy(right_, out.begin());
}

/// Cholesky of system_ [n, n] by rows, then both triangles: right_ becomes the solution.
void RowSolver::factor_and_solve(std::size_t n) {
  const auto row = [&](std::size_t r) { return system_.data() + r * n; };
  for (std::size_t r = 0; r < n; ++r) {
    for (std::size_t c = 0; c < r; ++c)
      row(r)[c] = (row(r)[c] - kernels::dot({row(r), c}, {row(c), c})) / row(c)[c];
    const float rest = row(r)[r] - kernels::dot({row(r), r}, {row(r), r});
    row(r)[r] = std::sqrt(std::max(rest, 1e-12f));
    right_[r] = (right_[r] - kernels::dot({row(r), r}, {right_.data(), r})) / row(r)[r];
  }
  for (std::size_t r = n; r-- > 0;) {
    right_[r] /= row(r)[r];
    kernels::add_scaled({right_.data(), r}, -right_[r], {row(r), r});
  }
}

}  // namespace penchant::evaluate
