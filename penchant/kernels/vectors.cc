#include "penchant/kernels/vectors.h"

#include <cmath>

#include "penchant/kernels/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/kernels/vectors.cc"
// Highway's per-target headers come after foreach_target.h.
// clang-format off
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace penchant::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;

inline float sum_of(D d, hn::Vec<D> v) { return hn::GetLane(hn::SumOfLanes(d, v)); }

inline float dot_inner(const float* HWY_RESTRICT a, const float* HWY_RESTRICT b, std::size_t n) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  auto s0 = hn::Zero(d), s1 = hn::Zero(d), s2 = hn::Zero(d), s3 = hn::Zero(d);
  std::size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    s0 = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), s0);
    s1 = hn::MulAdd(hn::LoadU(d, a + i + lanes), hn::LoadU(d, b + i + lanes), s1);
    s2 = hn::MulAdd(hn::LoadU(d, a + i + 2 * lanes), hn::LoadU(d, b + i + 2 * lanes), s2);
    s3 = hn::MulAdd(hn::LoadU(d, a + i + 3 * lanes), hn::LoadU(d, b + i + 3 * lanes), s3);
  }
  for (; i + lanes <= n; i += lanes) s0 = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), s0);
  float tail = 0;
  for (; i < n; ++i) tail += a[i] * b[i];
  return sum_of(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3))) + tail;
}

float dot_all(const float* a, const float* b, std::size_t n) { return dot_inner(a, b, n); }

void scores_all(const MatrixView<const float>& m, const float* v, float* out) {
  for (std::size_t r = 0; r < m.rows(); ++r) out[r] = dot_inner(m.data() + r * m.stride(), v, m.cols());
}

void add_scaled_all(float* HWY_RESTRICT y, float a, const float* HWY_RESTRICT x, std::size_t n) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  const auto factor = hn::Set(d, a);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes)
    hn::StoreU(hn::MulAdd(factor, hn::LoadU(d, x + i), hn::LoadU(d, y + i)), d, y + i);
  for (; i < n; ++i) y[i] += a * x[i];
}

void scale_all(float* v, float factor, std::size_t n) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  const auto f = hn::Set(d, factor);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::Mul(f, hn::LoadU(d, v + i)), d, v + i);
  for (; i < n; ++i) v[i] *= factor;
}

float max_abs_all(const float* v, std::size_t n) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  auto most = hn::Zero(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) most = hn::Max(most, hn::Abs(hn::LoadU(d, v + i)));
  float out = hn::GetLane(hn::MaxOfLanes(d, most));
  for (; i < n; ++i) out = std::max(out, std::fabs(v[i]));
  return out;
}

bool all_finite_all(const float* v, std::size_t n) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  // x * 0 is 0 for finite x and NaN otherwise; NaN survives every sum.
  auto poison = hn::Zero(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) poison = hn::MulAdd(hn::LoadU(d, v + i), hn::Zero(d), poison);
  float rest = 0;
  for (; i < n; ++i) rest += v[i] * 0.0F;
  return sum_of(d, poison) + rest == 0.0F;
}

std::size_t find_above_all(const float* v, std::size_t begin, std::size_t n, float threshold) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  const auto t = hn::Set(d, threshold);
  std::size_t i = begin;
  for (; i + lanes <= n; i += lanes) {
    const auto first = hn::FindFirstTrue(d, hn::Gt(hn::LoadU(d, v + i), t));
    if (first >= 0) return i + static_cast<std::size_t>(first);
  }
  for (; i < n; ++i)
    if (v[i] > threshold) return i;
  return n;
}

std::size_t count_at_least_all(const float* v, std::size_t n, float threshold) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  const auto t = hn::Set(d, threshold);
  std::size_t i = 0, count = 0;
  for (; i + lanes <= n; i += lanes) count += hn::CountTrue(d, hn::Ge(hn::LoadU(d, v + i), t));
  for (; i < n; ++i) count += v[i] >= threshold ? 1 : 0;
  return count;
}

const char* level_name() { return hwy::TargetName(HWY_TARGET); }

}  // namespace penchant::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace penchant::kernels {
HWY_EXPORT(dot_all);
HWY_EXPORT(scores_all);
HWY_EXPORT(add_scaled_all);
HWY_EXPORT(scale_all);
HWY_EXPORT(max_abs_all);
HWY_EXPORT(all_finite_all);
HWY_EXPORT(find_above_all);
HWY_EXPORT(count_at_least_all);
HWY_EXPORT(level_name);

float dot(std::span<const float> a, std::span<const float> b) {
  PENCHANT_CHECK(a.size() == b.size(), "dot: lengths differ");
  return HWY_DYNAMIC_DISPATCH(dot_all)(a.data(), b.data(), a.size());
}

void scores(MatrixView<const float> m, std::span<const float> v, std::span<float> out) {
  PENCHANT_CHECK(m.cols() == v.size() && m.rows() == out.size(), "scores: sizes differ");
  HWY_DYNAMIC_DISPATCH(scores_all)(m, v.data(), out.data());
}

void add(std::span<float> y, std::span<const float> x) { add_scaled(y, 1.0F, x); }

void add_scaled(std::span<float> y, float a, std::span<const float> x) {
  PENCHANT_CHECK(x.size() == y.size(), "add_scaled: lengths differ");
  HWY_DYNAMIC_DISPATCH(add_scaled_all)(y.data(), a, x.data(), y.size());
}

float max_abs(std::span<const float> v) { return HWY_DYNAMIC_DISPATCH(max_abs_all)(v.data(), v.size()); }

float l2_normalise(std::span<float> v) {
  const float norm = std::sqrt(HWY_DYNAMIC_DISPATCH(dot_all)(v.data(), v.data(), v.size()));
  if (norm > 0 && std::isfinite(norm)) HWY_DYNAMIC_DISPATCH(scale_all)(v.data(), 1.0F / norm, v.size());
  return norm;
}

void l2_normalise_rows(MatrixView<float> m) {
  for (std::size_t r = 0; r < m.rows(); ++r) l2_normalise(m.row(r));
}

bool all_finite(std::span<const float> v) { return HWY_DYNAMIC_DISPATCH(all_finite_all)(v.data(), v.size()); }

std::size_t find_above(std::span<const float> v, std::size_t begin, float threshold) {
  return HWY_DYNAMIC_DISPATCH(find_above_all)(v.data(), begin, v.size(), threshold);
}

std::size_t count_at_least(std::span<const float> v, float threshold) {
  return HWY_DYNAMIC_DISPATCH(count_at_least_all)(v.data(), v.size(), threshold);
}

const char* simd_level() { return HWY_DYNAMIC_DISPATCH(level_name)(); }
}  // namespace penchant::kernels
#endif  // HWY_ONCE
