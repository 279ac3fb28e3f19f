#include "penchant/evaluate/baselines/spd_inverse.h"

#include <algorithm>
#include <vector>

#include "penchant/kernels/panels.h"
#include "penchant/kernels/vectors.h"

namespace penchant::evaluate {
namespace {

using kernels::kPanel;

constexpr std::size_t kPivot = 512;  ///< rank of one step: its panels of 64 columns fit a second-level cache
constexpr std::size_t kTile = 256;   ///< rows and columns of one task; divides kPivot
constexpr std::size_t kSmallPivot = 64, kSmallTile = 64;

constexpr std::size_t round_up(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }

/// Packs rows [begin, end) of `w` into the panels [end / 64][inputs][64]; begin is a multiple of 64.
/// \param inputs padded, a multiple of 16
void pack_rows(MatrixView<const float> w, std::size_t begin, std::size_t end, std::size_t inputs,
               float* panels) {
  for (std::size_t row = begin; row < end; ++row) {
    float* column = panels + row / kPanel * inputs * kPanel + row % kPanel;
    const float* values = w.data() + row * w.stride();
    for (std::size_t i = 0; i < w.cols(); ++i) column[i * kPanel] = values[i];
  }
}

/// Inverse of the lower triangle of a [n <= 64, n] by Gauss-Jordan in double; both triangles written.
bool invert_small(MatrixView<float> a) {
  const std::size_t n = a.rows();
  double s[kSmallPivot][kSmallPivot];
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j) s[i][j] = s[j][i] = a(i, j);
  for (std::size_t k = 0; k < n; ++k) {
    if (!(s[k][k] > 0)) return false;
    const double inverse = 1 / s[k][k];
    s[k][k] = 1;
    for (std::size_t j = 0; j < n; ++j) s[k][j] *= inverse;
    for (std::size_t i = 0; i < n; ++i) {
      if (i == k) continue;
      const double factor = s[i][k];
      s[i][k] = 0;
      for (std::size_t j = 0; j < n; ++j) s[i][j] -= factor * s[k][j];
    }
  }
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) a(i, j) = static_cast<float>(s[i][j]);
  return true;
}

/// Sweeps all pivots of the lower triangle of one matrix, which then holds minus its inverse.
class Sweep {
 public:
  /// \param executor null: on the calling thread
  Sweep(MatrixView<float> a, std::size_t pivot, std::size_t tile, Executor* executor)
      : a_(a),
        n_(a.rows()),
        pivot_(pivot),
        tile_(tile),
        executor_(executor),
        column_(n_ * pivot),
        product_(n_ * pivot),
        packed_(round_up(n_, kPanel) * pivot, 0.0f),
        packed_pivot_(round_up(pivot, kPanel) * pivot),
        zeros_(round_up(std::max(n_, pivot), kPanel), 0.0f) {
    for (std::size_t i = 0; i < n_; i += tile_)
      for (std::size_t j = 0; j <= i; j += tile_) tasks_.push_back({i, j});
  }

  Status run(const std::function<bool(double)>& keep_going) {
    for (std::size_t k = 0; k < n_; k += pivot_) {
      if (keep_going && !keep_going(static_cast<double>(k) / static_cast<double>(n_)))
        return Error{ErrorCode::cancelled, "the matrix inverse was cancelled"};
      PENCHANT_DO(step(k, std::min(pivot_, n_ - k)));
    }
    return {};
  }

 private:
  struct Task {
    std::size_t row, column;
  };

  template <class Body>
  void loop(std::size_t n, std::size_t grain, Body&& body) {
    if (executor_ != nullptr)
      executor_->parallel_for(n, grain, body);
    else if (n > 0)
      body(0, n);
  }

  Status step(std::size_t k, std::size_t width) {
    const std::size_t inputs = round_up(width, kernels::kInputBlock);
    MatrixView<float> column(column_.data(), n_, width), product(product_.data(), n_, width);
    // The pivot's column of the whole matrix, from both sides of the diagonal.
    loop(n_, tile_, [&](std::size_t begin, std::size_t end) {
      for (std::size_t c = 0; c < width; ++c)
        for (std::size_t i = begin; i < std::min(end, k); ++i) column(i, c) = a_(k + c, i);
      for (std::size_t i = std::max(begin, k); i < end; ++i)
        std::copy_n(a_.row(i).data() + k, width, column.row(i).data());
    });
    // The inverse of the pivot, from its own rows.
    Matrix<float> inverse(width, width);
    for (std::size_t i = 0; i < width; ++i) std::ranges::copy(column.row(k + i), inverse.row(i).begin());
    PENCHANT_DO(invert_pivot(inverse.view()));

    std::fill(packed_pivot_.begin(), packed_pivot_.end(), 0.0f);
    pack_rows(inverse.view(), 0, width, inputs, packed_pivot_.data());
    const kernels::Panels by_inverse{packed_pivot_.data(), zeros_.data(), width, inputs, width};
    if (inputs != width) std::fill(packed_.begin(), packed_.end(), 0.0f);
    loop(round_up(n_, kPanel) / kPanel, 1, [&](std::size_t begin, std::size_t end) {
      const std::size_t first = begin * kPanel, last = std::min(end * kPanel, n_);
      kernels::multiply_panels(by_inverse, column.rows_from(first, last - first),
                               product.rows_from(first, last - first));
      pack_rows(product, first, last, inputs, packed_.data());
    });

    loop(tasks_.size(), 1, [&](std::size_t begin, std::size_t end) {
      std::vector<float> scratch(tile_ * tile_);
      for (std::size_t t = begin; t < end; ++t) update(tasks_[t], k, column, inputs, scratch);
    });

    loop(n_, tile_, [&](std::size_t begin, std::size_t end) {
      for (std::size_t c = 0; c < width; ++c)
        for (std::size_t i = begin; i < std::min(end, k); ++i) a_(k + c, i) = product(i, c);
      for (std::size_t i = std::max(begin, k + width); i < end; ++i)
        std::ranges::copy(product.row(i), a_.row(i).data() + k);
    });
    for (std::size_t i = 0; i < width; ++i)
      for (std::size_t j = 0; j < width; ++j) a_(k + i, k + j) = -inverse(i, j);
    return {};
  }

  Status invert_pivot(MatrixView<float> pivot) const {
    const std::size_t n = pivot.rows();
    if (n > kSmallPivot) {
      PENCHANT_DO(Sweep(pivot, kSmallPivot, kSmallTile, nullptr).run({}));
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j <= i; ++j) pivot(i, j) = pivot(j, i) = -pivot(i, j);
      return {};
    }
    if (!invert_small(pivot)) return invalid("the matrix is not positive definite in float32");
    return {};
  }

  /// a[rows, columns] -= column[rows] product[columns]^T, outside the pivot's rows and columns.
  void update(const Task& task, std::size_t k, MatrixView<const float> column, std::size_t inputs,
              std::span<float> scratch) const {
    const auto in_pivot = [&](std::size_t at) { return at >= k && at < k + pivot_; };
    if (in_pivot(task.row) || in_pivot(task.column)) return;
    const std::size_t rows = std::min(tile_, n_ - task.row), columns = std::min(tile_, n_ - task.column);
    const kernels::Panels panels{packed_.data() + task.column * inputs, zeros_.data(), column.cols(), inputs,
                                 columns};
    const MatrixView<float> change(scratch.data(), rows, columns);
    kernels::multiply_panels(panels, column.rows_from(task.row, rows), change);
    for (std::size_t r = 0; r < rows; ++r)
      kernels::add_scaled(a_.row(task.row + r).subspan(task.column, columns), -1.0f, change.row(r));
  }

  MatrixView<float> a_;
  std::size_t n_, pivot_, tile_;
  Executor* executor_;
  std::vector<float> column_, product_;  ///< [n, width] the pivot's column, and that times the inverse
  std::vector<float> packed_;            ///< product_ in panels
  std::vector<float> packed_pivot_, zeros_;
  std::vector<Task> tasks_;
};

}  // namespace

Status invert_spd(MatrixView<float> a, Executor& executor, const std::function<bool(double)>& keep_going) {
  PENCHANT_CHECK(a.rows() == a.cols(), "invert_spd: not square");
  PENCHANT_DO(Sweep(a, kPivot, kTile, &executor).run(keep_going));
  // Minus the lower triangle, to both sides: tile by tile, so that both are read and written in rows.
  const std::size_t tiles = (a.rows() + kSmallTile - 1) / kSmallTile;
  executor.parallel_for(tiles, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t t = begin; t < end; ++t)
      for (std::size_t u = 0; u <= t; ++u)
        for (std::size_t i = t * kSmallTile; i < std::min(a.rows(), (t + 1) * kSmallTile); ++i)
          for (std::size_t j = u * kSmallTile; j < std::min(i + 1, (u + 1) * kSmallTile); ++j)
            a(i, j) = a(j, i) = -a(i, j);
  });
  return {};
}

}  // namespace penchant::evaluate
