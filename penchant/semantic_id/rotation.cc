#include "penchant/semantic_id/rotation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "penchant/kernels/linear.h"
#include "penchant/kernels/symmetric_eigen.h"

namespace penchant::semantic_id {
namespace {

constexpr std::size_t kRotateRows = 256;  // rows of one call of the kernel, whatever the threads
constexpr double kFlat = 1e-9;            // variances below this share of the largest count as this
constexpr double kHold = 1e-6;            // weight of the previous rotation, share of the product's norm
constexpr double kOrthogonal = 1e-6;      // largest deviation of R^T R from the identity
constexpr int kPolishSteps = 8;

void add_scaled(std::span<double> to, double factor, std::span<const double> from) {
  for (std::size_t j = 0; j < to.size(); ++j) to[j] += factor * from[j];
}

/// a b
Matrix<double> multiply(const Matrix<double>& a, const Matrix<double>& b, Executor& executor) {
  Matrix<double> out(a.rows(), b.cols());
  executor.parallel_for(a.rows(), 8, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i)
      for (std::size_t k = 0; k < b.rows(); ++k) add_scaled(out.row(i), a(i, k), b.row(k));
  });
  return out;
}

Matrix<double> transposed(const Matrix<double>& a) {
  Matrix<double> out(a.cols(), a.rows());
  for (std::size_t i = 0; i < a.rows(); ++i)
    for (std::size_t j = 0; j < a.cols(); ++j) out(j, i) = a(i, j);
  return out;
}

/// Mean of (v - mean)(v - mean)^T.
Matrix<double> covariance(MatrixView<const float> rows, Executor& executor) {
  const std::size_t dim = rows.cols();
  const auto n = static_cast<double>(rows.rows());
  std::vector<double> mean(dim);
  for (std::size_t r = 0; r < rows.rows(); ++r)
    for (std::size_t j = 0; j < dim; ++j) mean[j] += rows(r, j) / n;
  Matrix<double> out(dim, dim);
  executor.parallel_for(dim, 16, [&](std::size_t begin, std::size_t end) {
    std::vector<double> centred(dim);
    for (std::size_t r = 0; r < rows.rows(); ++r) {
      for (std::size_t j = begin; j < dim; ++j) centred[j] = rows(r, j) - mean[j];
      for (std::size_t i = begin; i < end; ++i)
        add_scaled(out.row(i).subspan(i), centred[i] / n, std::span<const double>(centred).subspan(i));
    }
  });
  for (std::size_t i = 0; i < dim; ++i)
    for (std::size_t j = 0; j < i; ++j) out(i, j) = out(j, i);
  return out;
}

double norm_of(const Matrix<double>& a) {
  return std::sqrt(std::inner_product(a.values().begin(), a.values().end(), a.values().begin(), 0.0));
}

}  // namespace

Rotation principal_rotation(MatrixView<const float> rows, std::span<const std::size_t> widths,
                            Executor& executor) {
  const std::size_t dim = rows.cols();
  const auto eigen = kernels::symmetric_eigen(covariance(rows, executor));
  std::vector<std::size_t> order(dim);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](auto a, auto b) { return eigen.values[a] > eigen.values[b]; });
  const double flat = std::max(eigen.values[order[0]] * kFlat, std::numeric_limits<double>::min());
  std::vector<std::size_t> first(widths.size(), 0), used(widths.size(), 0);
  for (std::size_t l = 1; l < widths.size(); ++l) first[l] = first[l - 1] + widths[l - 1];
  std::vector<double> log_product(widths.size(), 0);  // of variances over `flat`: never below 0
  Rotation rotation(dim, dim);
  for (const auto axis : order) {
    std::size_t to = widths.size();
    for (std::size_t l = 0; l < widths.size(); ++l)
      if (used[l] < widths[l] && (to == widths.size() || log_product[l] < log_product[to])) to = l;
    std::ranges::copy(eigen.vectors.row(axis), rotation.row(first[to] + used[to]++).begin());
    log_product[to] += std::log(std::max(eigen.values[axis], flat) / flat);
  }
  return rotation;
}

Rotation procrustes_rotation(const Matrix<double>& product, const Rotation& previous, Executor& executor) {
  const std::size_t dim = previous.rows();
  const double norm = norm_of(product);
  if (!(norm > 0) || !std::isfinite(norm)) return previous;
  // m = product / norm + kHold * previous has no singular value at 0, so its factor is the one wanted
  // where the rows tell, and `previous` where they do not.
  Matrix<double> m(dim, dim);
  for (std::size_t i = 0; i < m.values().size(); ++i)
    m.values()[i] = product.values()[i] / norm + kHold * previous.values()[i];
  // m = u s v^T; m^T m = v s^2 v^T; the polar factor is u v^T = m v s^-1 v^T.
  const auto eigen = kernels::symmetric_eigen(multiply(transposed(m), m, executor));
  auto scaled = eigen.vectors;
  for (std::size_t k = 0; k < dim; ++k) {
    const double s = std::sqrt(std::max(eigen.values[k], kHold * kHold * kHold));
    for (auto& v : scaled.row(k)) v /= s;
  }
  Rotation rotation = multiply(multiply(m, transposed(scaled), executor), eigen.vectors, executor);
  // Squaring lost half of the digits of the small singular values: Newton-Schulz brings them back.
  for (int step = 0; step < kPolishSteps; ++step) {
    auto gram = multiply(transposed(rotation), rotation, executor);
    double worst = 0;
    for (std::size_t i = 0; i < dim; ++i)
      for (std::size_t j = 0; j < dim; ++j) worst = std::max(worst, std::abs(gram(i, j) - (i == j ? 1 : 0)));
    if (worst <= kOrthogonal) return rotation;
    if (!(worst < 0.5)) return previous;
    for (auto& v : gram.values()) v *= -0.5;
    for (std::size_t i = 0; i < dim; ++i) gram(i, i) += 1.5;
    rotation = multiply(rotation, gram, executor);
  }
  return previous;
}

Matrix<float> rotate(const Rotation& rotation, MatrixView<const float> rows, Executor& executor) {
  const std::size_t dim = rows.cols();
  Matrix<float> weights(dim, dim), out(rows.rows(), dim);
  std::ranges::transform(rotation.values(), weights.values().begin(),
                         [](double v) { return static_cast<float>(v); });
  const kernels::PackedLinear turn(weights.view(), {});
  const std::size_t blocks = (rows.rows() + kRotateRows - 1) / kRotateRows;
  executor.parallel_for(blocks, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t b = begin; b < end; ++b) {
      const std::size_t first = b * kRotateRows, count = std::min(kRotateRows, rows.rows() - first);
      turn.apply(rows.rows_from(first, count), out.view().rows_from(first, count));
    }
  });
  return out;
}

}  // namespace penchant::semantic_id
