#include "penchant/semantic_id/learned/products.h"

#include "penchant/kernels/linear.h"

namespace penchant::semantic_id {

namespace {

constexpr std::size_t kRows = 64;  // one block of the matrix product
constexpr std::size_t kTile = 16;

}  // namespace

Matrix<float> transposed(MatrixView<const float> m) {
  Matrix<float> out(m.cols(), m.rows());
  // Written line by line: lines of a tile that lie a power of two apart would drive each other out of the cache.
  for (std::size_t c0 = 0; c0 < m.cols(); c0 += kTile)
    for (std::size_t r0 = 0; r0 < m.rows(); r0 += kTile)
      for (std::size_t c = c0; c < std::min(c0 + kTile, m.cols()); ++c)
        for (std::size_t r = r0; r < std::min(r0 + kTile, m.rows()); ++r) out(c, r) = m(r, c);
  return out;
}

Matrix<float> multiply_transposed(MatrixView<const float> a, MatrixView<const float> b,
                                  std::span<const float> bias, Executor& executor) {
  Matrix<float> out(a.rows(), b.rows());
  const kernels::PackedLinear packed(b, bias);
  executor.parallel_for((a.rows() + kRows - 1) / kRows, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t block = begin; block < end; ++block) {
      const std::size_t first = block * kRows, rows = std::min(kRows, a.rows() - first);
      packed.apply(a.rows_from(first, rows), out.view().rows_from(first, rows));
    }
  });
  return out;
}

}  // namespace penchant::semantic_id
