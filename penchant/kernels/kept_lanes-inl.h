// Which elements a dropout keeps, a vector at a time: a hash of the element's number and a key, so that a backward pass
// finds the same ones without a mask in memory. Included once per SIMD level, by kernels/*.cc only.
#if defined(PENCHANT_KERNELS_KEPT_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PENCHANT_KERNELS_KEPT_LANES_INL_H_
#undef PENCHANT_KERNELS_KEPT_LANES_INL_H_
#else
#define PENCHANT_KERNELS_KEPT_LANES_INL_H_
#endif

#include "hwy/highway.h"
#include "penchant/kernels/dropout.h"

HWY_BEFORE_NAMESPACE();
namespace penchant::kernels::HWY_NAMESPACE {

/// Elements [at, at + lanes): 0 where dropped, else `grown`. By 24 bits of a 32-bit finaliser (Wellons 2018).
template <class D>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<D> kept(D d, const DropoutKey& key, std::uint32_t at) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::RebindToSigned<D> di;
  const hn::RebindToUnsigned<D> du;
  auto x = hn::Xor(hn::Add(hn::Iota(du, 0), hn::Set(du, at)), hn::Set(du, key.low));
  x = hn::Mul(hn::Xor(x, hn::ShiftRight<16>(x)), hn::Set(du, 0x7FEB352DU));
  x = hn::Add(x, hn::Set(du, key.high));
  x = hn::Mul(hn::Xor(x, hn::ShiftRight<15>(x)), hn::Set(du, 0x846CA68BU));
  x = hn::Xor(x, hn::ShiftRight<16>(x));
  const auto dropped = hn::Lt(hn::BitCast(di, hn::ShiftRight<8>(x)), hn::Set(di, key.threshold));
  return hn::IfThenZeroElse(hn::RebindMask(d, dropped), hn::Set(d, key.grown));
}

}  // namespace penchant::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
