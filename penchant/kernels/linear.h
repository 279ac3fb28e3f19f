#pragma once
/// \file y = x W^T + b with weights packed once: the one way to a matrix product. Layer 1.
#include <cstddef>
#include <memory>
#include <span>

#include "penchant/base/matrix_view.h"

namespace penchant::kernels {

/// Immutable packed weights of a linear layer.
///
/// The weights lie in panels of 64 outputs ([panel][in, rounded up to 16][64]). Few rows run through
/// our own SIMD kernel on these panels; many rows, where the CPU has AVX-512, through oneDNN, which
/// reads the same panels (its layout BA16a64b), in row blocks of fixed sizes: at most three
/// primitives are built for one layer, whatever the row counts. No primitive is built for small
/// row counts. Memory: out * in floats, rounded up as above, held once.
///
/// Execution is single-threaded whatever OMP_NUM_THREADS says: a caller that wants more threads
/// splits the rows over an Executor. Same rows in one call: same bits on one machine.
/// Threads: apply() is safe from several threads.
class PackedLinear {
 public:
  PackedLinear();
  /// \param weights [out, in]; \param bias [out], or empty for none. Both are copied.
  /// Throws InternalError on a size mismatch or an empty matrix.
  PackedLinear(MatrixView<const float> weights, std::span<const float> bias);
  ~PackedLinear();
  PackedLinear(PackedLinear&&) noexcept;
  PackedLinear& operator=(PackedLinear&&) noexcept;

  /// y = x W^T + b; x [rows, in], y [rows, out], any rows (0 does nothing). x and y do not overlap.
  void apply(MatrixView<const float> x, MatrixView<float> y) const;
  [[nodiscard]] std::size_t inputs() const noexcept;
  [[nodiscard]] std::size_t outputs() const noexcept;
  /// Name of the implementation for many rows, for logs and benchmarks: "panels" or oneDNN's word.
  [[nodiscard]] const char* engine_name() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penchant::kernels
