#include "penchant/kernels/int8_codes.h"

#include <algorithm>
#include <cmath>

#include "penchant/base/result.h"
#include "penchant/kernels/targets.h"
#include "penchant/kernels/vectors.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/kernels/int8_codes.cc"
// Highway's per-target headers come after foreach_target.h.
// clang-format off
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace penchant::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;

/// \param squares receives the sum of the squares of what is left over \return the sum of the codes
std::int32_t encode(const float* v, std::size_t n, float per_step, float scale, std::int8_t* out, float& squares_out) {
  const D d;
  const hn::RebindToSigned<D> di;
  const hn::Rebind<std::int8_t, D> d8;
  const std::size_t lanes = hn::Lanes(d);
  const auto top = hn::Set(d, float{kInt8Levels}), bottom = hn::Set(d, -float{kInt8Levels}), steps = hn::Set(d, per_step), step = hn::Set(d, scale);
  auto squares = hn::Zero(d);
  auto sum = hn::Zero(di);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto x = hn::LoadU(d, v + i);
    const auto codes = hn::NearestInt(hn::Min(hn::Max(hn::Mul(x, steps), bottom), top));
    const auto off = hn::NegMulAdd(hn::ConvertTo(d, codes), step, x);
    squares = hn::MulAdd(off, off, squares);
    sum = hn::Add(sum, codes);
    hn::StoreU(hn::DemoteTo(d8, codes), d8, out + i);
  }
  std::int32_t codes_sum = hn::GetLane(hn::SumOfLanes(di, sum));
  squares_out = hn::GetLane(hn::SumOfLanes(d, squares));
  for (; i < n; ++i) {
    const float code = std::nearbyint(std::clamp(v[i] * per_step, -float{kInt8Levels}, float{kInt8Levels}));
    const float off = v[i] - code * scale;
    out[i] = static_cast<std::int8_t>(code);
    codes_sum += static_cast<std::int32_t>(code);
    squares_out += off * off;
  }
  return codes_sum;
}

}  // namespace penchant::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace penchant::kernels {
HWY_EXPORT(encode);

Int8Codes encode_int8(std::span<const float> v, float least, std::span<std::int8_t> out) {
  PENCHANT_CHECK(v.size() == out.size(), "encode_int8: lengths differ");
  Int8Codes codes;
  const float most = std::max(max_abs(v), least);
  if (most > 0) codes.scale = static_cast<double>(most) / kInt8Levels;
  float squares = 0;
  codes.sum = HWY_DYNAMIC_DISPATCH(encode)(v.data(), v.size(), static_cast<float>(1 / codes.scale),
                                           static_cast<float>(codes.scale), out.data(), squares);
  // What floats lose: a relative 2^-22 of each left-over, and of each value where scale was rounded. |v| <= most sqrt(n).
  const double n = static_cast<double>(v.size());
  codes.error = std::sqrt(static_cast<double>(squares)) * (1 + n * 0x1.0p-23) + most * std::sqrt(n) * 0x1.0p-22;
  return codes;
}

}  // namespace penchant::kernels
#endif
