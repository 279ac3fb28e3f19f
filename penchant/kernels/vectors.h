#pragma once
/// \file Operations on float vectors: dot product, exact scan, norm, sums. Layer 1.
/// SIMD level chosen at run time (Highway). Threads: all functions are pure; safe from any thread.
#include <cstddef>
#include <span>

#include "penchant/base/matrix_view.h"

namespace penchant::kernels {

/// Sum over i of a[i] * b[i]; both [n], n >= 0. Accumulates in lanes of float.
[[nodiscard]] float dot(std::span<const float> a, std::span<const float> b);

/// out[r] = <m.row(r), v>: the exact scan. m [rows, n], v [n], out [rows]; out[r] is bitwise equal
/// to dot(m.row(r), v), whatever the rows around it.
void scores(MatrixView<const float> m, std::span<const float> v, std::span<float> out);

/// y += x; both [n].
void add(std::span<float> y, std::span<const float> x);

/// y += a * x; both [n].
void add_scaled(std::span<float> y, float a, std::span<const float> x);

/// Divides v [n] by its L2 norm and returns the norm. A norm of 0 (or not finite) leaves v as it is.
float l2_normalise(std::span<float> v);
/// Every row of m by its own norm.
void l2_normalise_rows(MatrixView<float> m);

/// Largest |v[i]|; 0 of none. Only for values that are finite.
[[nodiscard]] float max_abs(std::span<const float> v);

/// True if no value is NaN or infinite.
[[nodiscard]] bool all_finite(std::span<const float> v);

/// First i >= begin with v[i] > threshold, or v.size(). NaN is never above.
[[nodiscard]] std::size_t find_above(std::span<const float> v, std::size_t begin, float threshold);

/// How many v[i] >= threshold. NaN is never counted.
[[nodiscard]] std::size_t count_at_least(std::span<const float> v, float threshold);

/// Name of the SIMD level in use, for logs and benchmarks: "AVX3", "AVX2", "SSE4", "SCALAR", ….
[[nodiscard]] const char* simd_level();

}  // namespace penchant::kernels
