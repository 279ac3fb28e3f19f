#include "penchant/kernels/panels.h"

#include <algorithm>

#include "penchant/kernels/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/kernels/panels.cc"
// Highway's per-target headers come after foreach_target.h.
// clang-format off
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace penchant::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, 16>;  // a tile of two vectors must divide a panel of 64
using V = hn::Vec<D>;

// Rows per register tile: rows * 2 accumulators, 2 weights and 1 broadcast must fit the registers.
#if HWY_TARGET == HWY_AVX3
inline constexpr std::size_t kTileRows = 12;
#else
inline constexpr std::size_t kTileRows = 6;
#endif

struct Tile {
  const float* weights;  // [inputs] rows of 64, at the tile's first column
  const float* bias;     // at the tile's first column
  const float* x;        // first row
  float* y;              // first row, at the tile's first column
  std::size_t inputs, x_stride, y_stride;
  std::size_t columns;  // valid columns of the tile
};

template <std::size_t rows>
HWY_NOINLINE void multiply_tile(const Tile& tile) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  V low[rows], high[rows];
#pragma GCC unroll 16
  for (std::size_t r = 0; r < rows; ++r) {
    low[r] = hn::LoadU(d, tile.bias);
    high[r] = hn::LoadU(d, tile.bias + lanes);
  }
  const float* HWY_RESTRICT w = tile.weights;
  const float* HWY_RESTRICT x = tile.x;
  const std::size_t x_stride = tile.x_stride;
  for (std::size_t k = 0; k < tile.inputs; ++k, w += kPanel) {
    const V w0 = hn::LoadU(d, w), w1 = hn::LoadU(d, w + lanes);
#pragma GCC unroll 16
    for (std::size_t r = 0; r < rows; ++r) {
      const V value = hn::Set(d, x[r * x_stride + k]);
      low[r] = hn::MulAdd(value, w0, low[r]);
      high[r] = hn::MulAdd(value, w1, high[r]);
    }
  }
  const bool whole = tile.columns >= 2 * lanes;
#pragma GCC unroll 16
  for (std::size_t r = 0; r < rows; ++r) {
    float* y = tile.y + r * tile.y_stride;
    if (whole) {
      hn::StoreU(low[r], d, y);
      hn::StoreU(high[r], d, y + lanes);
    } else {
      HWY_ALIGN float edge[2 * 16];
      hn::StoreU(low[r], d, edge);
      hn::StoreU(high[r], d, edge + lanes);
      std::copy(edge, edge + tile.columns, y);
    }
  }
}

template <std::size_t rows>
void multiply_rest(const Tile& tile, std::size_t wanted) {
  if (wanted == rows) return multiply_tile<rows>(tile);
  if constexpr (rows > 1) multiply_rest<rows - 1>(tile, wanted);
}

void multiply_all(const Panels& p, const MatrixView<const float>& x, const MatrixView<float>& y) {
  const std::size_t width = 2 * hn::Lanes(D());
  for (std::size_t column = 0; column < p.outputs; column += width) {
    const std::size_t panel = column / kPanel, inside = column % kPanel;
    Tile tile{p.weights + panel * p.padded_inputs * kPanel + inside,
              p.bias + column,
              x.data(),
              y.data() + column,
              p.inputs,
              x.stride(),
              y.stride(),
              std::min(width, p.outputs - column)};
    std::size_t row = 0;
    for (; row + kTileRows <= x.rows(); row += kTileRows) {
      multiply_tile<kTileRows>(tile);
      tile.x += kTileRows * x.stride();
      tile.y += kTileRows * y.stride();
    }
    if (row < x.rows()) multiply_rest<kTileRows - 1>(tile, x.rows() - row);
  }
}

}  // namespace penchant::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace penchant::kernels {
HWY_EXPORT(multiply_all);

void multiply_panels(const Panels& panels, MatrixView<const float> x, MatrixView<float> y) {
  PENCHANT_CHECK(x.cols() == panels.inputs && y.cols() == panels.outputs && x.rows() == y.rows(),
                 "multiply_panels: sizes differ");
  HWY_DYNAMIC_DISPATCH(multiply_all)(panels, x, y);
}
}  // namespace penchant::kernels
#endif  // HWY_ONCE
