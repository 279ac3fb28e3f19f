#pragma once
/// \file The SIMD matrix product behind PackedLinear, for any number of rows. Layer 1.
#include <cstddef>

#include "penchant/base/matrix_view.h"

namespace penchant::kernels {

inline constexpr std::size_t kPanel = 64;       ///< outputs per panel
inline constexpr std::size_t kInputBlock = 16;  ///< inputs are padded to a multiple of this

/// Weights in panels; views into PackedLinear, valid as long as it lives.
struct Panels {
  const float* weights = nullptr;  ///< [ceil(outputs / 64)][padded_inputs][64], padding is 0
  const float* bias = nullptr;     ///< [ceil(outputs / 64) * 64], padding is 0
  std::size_t inputs = 0, padded_inputs = 0, outputs = 0;
};

/// y = x W^T + b; x [rows, inputs], y [rows, outputs], any strides. Threads: pure.
void multiply_panels(const Panels& panels, MatrixView<const float> x, MatrixView<float> y);

}  // namespace penchant::kernels
