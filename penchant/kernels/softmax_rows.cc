#include "penchant/kernels/softmax_rows.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "penchant/kernels/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/kernels/softmax_rows.cc"
// Highway's per-target headers come after foreach_target.h.
// clang-format off
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "hwy/contrib/math/math-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace penchant::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

/// exp(x) for x <= 0 to 2e-7 relative: 2^k * p(r), r in [-ln2/2, ln2/2]; below -87 it is 0.
inline V exp_negative(D d, V x) {
  const hn::RebindToSigned<D> di;
  const V low = hn::Set(d, -87.0F);
  const auto tiny = hn::Lt(x, low);
  const V clamped = hn::Max(x, low);
  const V k = hn::Round(hn::Mul(clamped, hn::Set(d, 1.44269504F)));
  V r = hn::NegMulAdd(k, hn::Set(d, 0.693145752F), clamped);  // ln 2 in two parts
  r = hn::NegMulAdd(k, hn::Set(d, 1.42860677e-6F), r);
  V p = hn::Set(d, 1.0F / 720);
  for (const float c : {1.0F / 120, 1.0F / 24, 1.0F / 6, 0.5F, 1.0F, 1.0F}) p = hn::MulAdd(p, r, hn::Set(d, c));
  const auto power = hn::ShiftLeft<23>(hn::Add(hn::ConvertTo(di, k), hn::Set(di, 127)));
  return hn::IfThenZeroElse(tiny, hn::Mul(p, hn::BitCast(d, power)));
}

inline void store(D d, V v, float* out) { hn::StoreU(v, d, out); }
/// Rounds to nearest even.
inline void store(D, V v, BFloat16* out) {
  const hn::RebindToUnsigned<D> du;
  const hn::Rebind<BFloat16, D> db;
  const auto bits = hn::BitCast(du, v);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1));
  const auto rounded = hn::ShiftRight<16>(hn::Add(hn::Add(bits, hn::Set(du, 0x7FFF)), odd));
  hn::StoreU(hn::DemoteTo(db, hn::BitCast(hn::RebindToSigned<D>(), rounded)), db, out);
}
inline V load(D d, const BFloat16* x) {
  const hn::RebindToUnsigned<D> du;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(du, hn::LoadU(hn::Rebind<BFloat16, D>(), x))));
}

/// Calls body(i, lanes) on whole vectors, then tail(i) on single elements.
template <class Body, class Tail>
inline void each(std::size_t n, const Body& body, const Tail& tail) {
  const std::size_t lanes = hn::Lanes(D());
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) body(i);
  for (; i < n; ++i) tail(i);
}

inline float exp_one(float x) {
  const hn::CappedTag<float, 1> d1;
  return x < -87.0F ? 0.0F : hn::GetLane(hn::Exp(d1, hn::Set(d1, x)));
}

float add_and_max_all(float* HWY_RESTRICT x, const float* HWY_RESTRICT bias, std::size_t n) {
  const D d;
  V top = hn::Set(d, -std::numeric_limits<float>::infinity());
  float tail = -std::numeric_limits<float>::infinity();
  if (bias == nullptr) {
    each(n, [&](std::size_t i) { top = hn::Max(top, hn::LoadU(d, x + i)); }, [&](std::size_t i) { tail = std::max(tail, x[i]); });
  } else {
    each(n,
         [&](std::size_t i) {
           const V v = hn::Add(hn::LoadU(d, x + i), hn::LoadU(d, bias + i));
           hn::StoreU(v, d, x + i);
           top = hn::Max(top, v);
         },
         [&](std::size_t i) { tail = std::max(tail, x[i] += bias[i]); });
  }
  return std::max(tail, hn::GetLane(hn::MaxOfLanes(d, top)));
}

template <class Out>
inline float exp_any(const float* HWY_RESTRICT x, float shift, Out* HWY_RESTRICT out, std::size_t n) {
  const D d;
  const V s = hn::Set(d, shift);
  V sum = hn::Zero(d);
  float tail = 0;
  each(n,
       [&](std::size_t i) {
         const V e = exp_negative(d, hn::Sub(hn::LoadU(d, x + i), s));
         sum = hn::Add(sum, e);
         store(d, e, out + i);
       },
       [&](std::size_t i) {
         const float e = exp_one(x[i] - shift);
         tail += e;
         if constexpr (sizeof(Out) == 2) out[i] = to_bf16(e);
         else out[i] = e;
       });
  return hn::GetLane(hn::SumOfLanes(d, sum)) + tail;
}
float exp_f32(const float* x, float shift, float* out, std::size_t n) { return exp_any(x, shift, out, n); }
float exp_bf16(const float* x, float shift, BFloat16* out, std::size_t n) { return exp_any(x, shift, out, n); }

inline float widen(BFloat16 x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x) << 16); }

void add_scaled_bf16(float* HWY_RESTRICT y, float a, const BFloat16* HWY_RESTRICT x, std::size_t n) {
  const D d;
  const V factor = hn::Set(d, a);
  each(n, [&](std::size_t i) { hn::StoreU(hn::MulAdd(factor, load(d, x + i), hn::LoadU(d, y + i)), d, y + i); },
       [&](std::size_t i) { y[i] += a * widen(x[i]); });
}

template <class Out>
inline void scale_any(const float* HWY_RESTRICT x, float a, Out* HWY_RESTRICT out, std::size_t n) {
  const D d;
  const V factor = hn::Set(d, a);
  each(n, [&](std::size_t i) { store(d, hn::Mul(factor, hn::LoadU(d, x + i)), out + i); },
       [&](std::size_t i) {
         if constexpr (sizeof(Out) == 2) out[i] = to_bf16(a * x[i]);
         else out[i] = a * x[i];
       });
}
void scale_f32(const float* x, float a, float* out, std::size_t n) { scale_any(x, a, out, n); }
void scale_bf16(const float* x, float a, BFloat16* out, std::size_t n) { scale_any(x, a, out, n); }

}  // namespace penchant::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace penchant::kernels {
HWY_EXPORT(add_and_max_all);
HWY_EXPORT(exp_f32);
HWY_EXPORT(exp_bf16);
HWY_EXPORT(add_scaled_bf16);
HWY_EXPORT(scale_f32);
HWY_EXPORT(scale_bf16);

BFloat16 to_bf16(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<BFloat16>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}
float add_and_max(float* x, const float* bias, std::size_t n) { return HWY_DYNAMIC_DISPATCH(add_and_max_all)(x, bias, n); }
float exp_shifted(const float* x, float shift, float* out, std::size_t n) {
  return HWY_DYNAMIC_DISPATCH(exp_f32)(x, shift, out, n);
}
float exp_shifted(const float* x, float shift, BFloat16* out, std::size_t n) {
  return HWY_DYNAMIC_DISPATCH(exp_bf16)(x, shift, out, n);
}
void add_scaled(float* y, float a, const BFloat16* x, std::size_t n) {
  HWY_DYNAMIC_DISPATCH(add_scaled_bf16)(y, a, x, n);
}
void scale_to(const float* x, float a, float* out, std::size_t n) { HWY_DYNAMIC_DISPATCH(scale_f32)(x, a, out, n); }
void scale_to(const float* x, float a, BFloat16* out, std::size_t n) { HWY_DYNAMIC_DISPATCH(scale_bf16)(x, a, out, n); }

}  // namespace penchant::kernels
#endif
