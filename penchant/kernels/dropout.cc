#include "penchant/kernels/dropout.h"

#include <cmath>
#include <limits>

#include "penchant/base/result.h"
#include "penchant/base/rng.h"
#include "penchant/kernels/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/kernels/dropout.cc"
// Highway's per-target headers come after foreach_target.h.
// clang-format off
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "penchant/kernels/kept_lanes-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace penchant::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void dropout_all(const float* x, const DropoutKey& key, float* out, std::size_t n) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d), whole = n / lanes * lanes;
  std::size_t i = 0;
  for (; i < whole; i += lanes)
    hn::StoreU(hn::Mul(hn::LoadU(d, x + i), kept(d, key, static_cast<std::uint32_t>(i))), d, out + i);
  const hn::CappedTag<float, 1> one;
  for (; i < n; ++i) out[i] = x[i] * hn::GetLane(kept(one, key, static_cast<std::uint32_t>(i)));
}

}  // namespace penchant::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace penchant::kernels {
HWY_EXPORT(dropout_all);

DropoutKey DropoutKey::of(double rate, std::uint64_t seed) {
  PENCHANT_CHECK(rate >= 0 && rate < 1, "dropout: the rate must lie in [0, 1)");
  const std::uint64_t bits = Rng(seed)();
  return {static_cast<std::int32_t>(std::lround(rate * (1 << 24))), static_cast<float>(1 / (1 - rate)),
          static_cast<std::uint32_t>(bits), static_cast<std::uint32_t>(bits >> 32)};
}

void dropout(std::span<const float> x, const DropoutKey& key, std::span<float> out) {
  PENCHANT_CHECK(x.size() == out.size() && x.size() <= std::numeric_limits<std::uint32_t>::max(), "dropout: sizes differ");
  HWY_DYNAMIC_DISPATCH(dropout_all)(x.data(), key, out.data(), x.size());
}

}  // namespace penchant::kernels
#endif  // HWY_ONCE
