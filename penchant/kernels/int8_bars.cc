#include "penchant/kernels/int8_bars.h"

#include <limits>

namespace penchant::kernels {

// Every CPU with 8-bit kernels has AVX-512; plain loops, eight users at a time.
#if defined(__x86_64__)
#define PENCHANT_WIDE __attribute__((target("avx512f,prefer-vector-width=512")))
#else
#define PENCHANT_WIDE
#endif

Int8Bars::Int8Bars() {
  reached.fill(std::numeric_limits<double>::infinity());
  inverse.fill(1);
}

PENCHANT_WIDE bool Int8Bars::update(const Int8PanelBounds& panel, double rounding) {
  constexpr double kMost = 2147483646.0;
  const double per_norm = panel.error + rounding * panel.norm, per_error = panel.norm + panel.error;
  const double rest = panel.rest * (1 + rounding);
  int open = 0;
  for (std::size_t u = 0; u < kInt8Batch; ++u) {
    const double sum =
        (reached[u] - norm[u] * per_norm - error[u] * per_error) * (inverse[u] * panel.inverse) - start[u];
    const double low = sum > -kMost ? sum : -kMost;
    // Cut to a whole number and one less: never above the bar.
    least[u] = static_cast<std::int32_t>(low < kMost ? low : kMost) - 1;
    open |= static_cast<int>(norm[u] * rest >= reached[u]);
  }
  return open != 0;
}

#undef PENCHANT_WIDE

}  // namespace penchant::kernels
