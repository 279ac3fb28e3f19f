#include "penchant/recommend/alignment.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "penchant/semantic_id/rotation.h"

namespace penchant::recommend {
namespace {

double dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t j = 0; j < a.size(); ++j) sum += static_cast<double>(a[j]) * b[j];
  return sum;
}

void append_unit(Matrix<float>& to, std::span<const float> row) {
  const double length = std::sqrt(dot(row, row));
  std::vector<float> unit(row.begin(), row.end());
  for (float& x : unit) x = static_cast<float>(x / length);
  to.append_row(unit);
}

double mean_cosine(MatrixView<const float> a, MatrixView<const float> b) {
  double sum = 0;
  for (std::size_t r = 0; r < a.rows(); ++r) sum += dot(a.row(r), b.row(r));
  return sum / static_cast<double>(a.rows());
}

/// Sum over rows of y v^T, [d, d].
Matrix<double> cross_product(MatrixView<const float> v, MatrixView<const float> y, Executor& executor) {
  Matrix<double> out(v.cols(), v.cols());
  executor.parallel_for(v.cols(), 8, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = 0; r < v.rows(); ++r)
      for (std::size_t i = begin; i < end; ++i)
        for (std::size_t j = 0; j < v.cols(); ++j) out(i, j) += static_cast<double>(y(r, i)) * v(r, j);
  });
  return out;
}

}  // namespace

Result<Alignment> fit_alignment(MatrixView<const float> from, MatrixView<const float> to, Executor& executor) {
  const std::size_t dim = from.cols();
  if (to.cols() != dim)
    return invalid("vectors of " + std::to_string(dim) + " numbers cannot be aligned with vectors of " + std::to_string(to.cols()) +
                   ": train both releases with the same dim, or start anew (--align-to none)");
  PENCHANT_CHECK(from.rows() == to.rows(), "row i of both is the same thing");
  Matrix<float> v(0, dim), y(0, dim);
  for (std::size_t r = 0; r < from.rows(); ++r) {
    if (!(dot(from.row(r), from.row(r)) > 0) || !(dot(to.row(r), to.row(r)) > 0)) continue;
    append_unit(v, from.row(r));
    append_unit(y, to.row(r));
  }
  if (v.rows() < dim)
    return invalid("the releases share " + std::to_string(v.rows()) + " things with a vector, fewer than its " + std::to_string(dim) +
                   " numbers: no turn can be told; start anew (--align-to none)");
  semantic_id::Rotation identity(dim, dim);
  for (std::size_t j = 0; j < dim; ++j) identity(j, j) = 1;
  Alignment out{.shared = v.rows(), .cosine_before = mean_cosine(v.view(), y.view())};
  out.rotation = semantic_id::procrustes_rotation(cross_product(v.view(), y.view(), executor), identity, executor);
  out.cosine = mean_cosine(semantic_id::rotate(out.rotation, v.view(), executor).view(), y.view());
  return out;
}

Matrix<float> aligned(const Alignment& alignment, MatrixView<const float> rows, Executor& executor) {
  PENCHANT_CHECK(rows.cols() == alignment.rotation.cols(), "vectors of the release that was aligned");
  return semantic_id::rotate(alignment.rotation, rows, executor);
}

}  // namespace penchant::recommend
