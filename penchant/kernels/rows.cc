#include "penchant/kernels/rows.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "penchant/kernels/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/kernels/rows.cc"
// Highway's per-target headers come after foreach_target.h.
// clang-format off
#include "hwy/foreach_target.h"
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace penchant::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

inline float sum_of(D d, V v) { return hn::GetLane(hn::SumOfLanes(d, v)); }

inline float max_inner(const float* x, std::size_t n) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  float best = -std::numeric_limits<float>::infinity();
  std::size_t i = 0;
  if (n >= lanes) {
    V m = hn::LoadU(d, x);
    for (i = lanes; i + lanes <= n; i += lanes) m = hn::Max(m, hn::LoadU(d, x + i));
    best = hn::GetLane(hn::MaxOfLanes(d, m));
  }
  for (; i < n; ++i) best = std::max(best, x[i]);
  return best;
}

/// Sum of exp(x[i] - shift); writes the terms to x when `store`.
template <bool store>
inline float exp_sum_inner(float* x, float shift, std::size_t n) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  const V s = hn::Set(d, shift);
  V total = hn::Zero(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const V e = hn::Exp(d, hn::Sub(hn::LoadU(d, x + i), s));
    if constexpr (store) hn::StoreU(e, d, x + i);
    total = hn::Add(total, e);
  }
  float tail = 0;
  for (; i < n; ++i) {
    const float e = std::exp(x[i] - shift);
    if constexpr (store) x[i] = e;
    tail += e;
  }
  return sum_of(d, total) + tail;
}

void softmax_all(float* x, std::size_t n) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  const float scale = 1.0F / exp_sum_inner<true>(x, max_inner(x, n), n);
  const V s = hn::Set(d, scale);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::Mul(s, hn::LoadU(d, x + i)), d, x + i);
  for (; i < n; ++i) x[i] *= scale;
}

void log_softmax_all(float* x, std::size_t n) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  const float max = max_inner(x, n);
  const float log_sum = std::log(exp_sum_inner<false>(x, max, n));
  // Two subtractions, as in the definition: x - (max + log_sum) would round the sum first.
  const V m = hn::Set(d, max), l = hn::Set(d, log_sum);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::Sub(hn::Sub(hn::LoadU(d, x + i), m), l), d, x + i);
  for (; i < n; ++i) x[i] = x[i] - max - log_sum;
}

float log_sum_exp_all(const float* x, std::size_t n) {
  const float max = max_inner(x, n);
  if (!std::isfinite(max)) return max;
  // The terms are not stored, so nothing is written through the pointer.
  return max + std::log(exp_sum_inner<false>(const_cast<float*>(x), max, n));
}

void layer_norm_all(const float* x, const NormWeights& w, float* out, std::size_t n) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  V sum = hn::Zero(d);
  float tail = 0;
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) sum = hn::Add(sum, hn::LoadU(d, x + i));
  for (; i < n; ++i) tail += x[i];
  const float mean = (sum_of(d, sum) + tail) / static_cast<float>(n);
  const V m = hn::Set(d, mean);
  V squares = hn::Zero(d);
  tail = 0;
  for (i = 0; i + lanes <= n; i += lanes) {
    const V c = hn::Sub(hn::LoadU(d, x + i), m);
    squares = hn::MulAdd(c, c, squares);
  }
  for (; i < n; ++i) tail += (x[i] - mean) * (x[i] - mean);
  const float variance = (sum_of(d, squares) + tail) / static_cast<float>(n);
  const float inverse = 1.0F / std::sqrt(variance + w.epsilon);
  const V f = hn::Set(d, inverse);
  const float* scale = w.scale.data();
  const float* shift = w.shift.data();
  for (i = 0; i + lanes <= n; i += lanes) {
    const V c = hn::Mul(hn::Sub(hn::LoadU(d, x + i), m), f);
    hn::StoreU(hn::MulAdd(c, hn::LoadU(d, scale + i), hn::LoadU(d, shift + i)), d, out + i);
  }
  for (; i < n; ++i) out[i] = (x[i] - mean) * inverse * scale[i] + shift[i];
}

/// erf(x) = x P(x^2) / Q(x^2) for |x| <= 3.95, where 1 - erf < 3e-8 (below half an ulp of 1).
/// P, Q of degree 5 fitted to minimise the largest relative error: 2.1e-8 in exact arithmetic,
/// 3.3e-7 when evaluated in float.
inline V erf_inner(D d, V x) {
  const V bound = hn::Set(d, 3.95F);
  x = hn::Min(hn::Max(x, hn::Neg(bound)), bound);
  const V t = hn::Mul(x, x);
  V p = hn::Set(d, 2.0259060420357855e-06F);
  p = hn::MulAdd(p, t, hn::Set(d, 0.00028468683012761176F));
  p = hn::MulAdd(p, t, hn::Set(d, 0.0038081398233771324F));
  p = hn::MulAdd(p, t, hn::Set(d, 0.05287537723779678F));
  p = hn::MulAdd(p, t, hn::Set(d, 0.1915498673915863F));
  p = hn::MulAdd(p, t, hn::Set(d, 1.1283791065216064F));
  V q = hn::Set(d, 3.783173087867908e-05F);
  q = hn::MulAdd(q, t, hn::Set(d, 0.0011707197409123182F));
  q = hn::MulAdd(q, t, hn::Set(d, 0.015055046416819096F));
  q = hn::MulAdd(q, t, hn::Set(d, 0.11455943435430527F));
  q = hn::MulAdd(q, t, hn::Set(d, 0.5030893087387085F));
  q = hn::MulAdd(q, t, hn::Set(d, 1.0F));
  return hn::Div(hn::Mul(x, p), q);
}

inline V gelu_inner(D d, V x) {
  const V half = hn::Mul(x, hn::Set(d, 0.5F));
  return hn::MulAdd(half, erf_inner(d, hn::Mul(x, hn::Set(d, 0.70710678F))), half);
}

void gelu_all(float* x, std::size_t n) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(gelu_inner(d, hn::LoadU(d, x + i)), d, x + i);
  if (i == n) return;
  HWY_ALIGN float rest[hn::MaxLanes(D())] = {};
  std::copy(x + i, x + n, rest);
  hn::Store(gelu_inner(d, hn::Load(d, rest)), d, rest);
  std::copy(rest, rest + (n - i), x + i);
}

}  // namespace penchant::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace penchant::kernels {
HWY_EXPORT(softmax_all);
HWY_EXPORT(log_softmax_all);
HWY_EXPORT(log_sum_exp_all);
HWY_EXPORT(layer_norm_all);
HWY_EXPORT(gelu_all);

void softmax(std::span<float> row) {
  if (!row.empty()) HWY_DYNAMIC_DISPATCH(softmax_all)(row.data(), row.size());
}

void log_softmax(std::span<float> row) {
  if (!row.empty()) HWY_DYNAMIC_DISPATCH(log_softmax_all)(row.data(), row.size());
}

float log_sum_exp(std::span<const float> row) {
  return HWY_DYNAMIC_DISPATCH(log_sum_exp_all)(row.data(), row.size());
}

void layer_norm(MatrixView<const float> x, const NormWeights& weights, MatrixView<float> out) {
  const std::size_t n = x.cols();
  PENCHANT_CHECK(
      out.rows() == x.rows() && out.cols() == n && weights.scale.size() == n && weights.shift.size() == n,
      "layer_norm: sizes differ");
  if (n == 0) return;
  const auto one_row = HWY_DYNAMIC_DISPATCH(layer_norm_all);
  for (std::size_t r = 0; r < x.rows(); ++r) one_row(x.row(r).data(), weights, out.row(r).data(), n);
}

void gelu(std::span<float> x) { HWY_DYNAMIC_DISPATCH(gelu_all)(x.data(), x.size()); }
}  // namespace penchant::kernels
#endif  // HWY_ONCE
