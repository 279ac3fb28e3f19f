#include "penchant/kernels/attention.h"

#include <cmath>

#include "penchant/base/result.h"
#include "penchant/kernels/rows.h"
#include "penchant/kernels/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/kernels/attention.cc"
// Highway's per-target headers come after foreach_target.h.
// clang-format off
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace penchant::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;

/// weights[t] = scale * <query, keys row t>, t < count; `size` floats each.
void attention_logits(const float* HWY_RESTRICT query, const KeyValues& past, std::size_t head,
                      std::size_t size, float* HWY_RESTRICT weights) {
  const D d;
  const std::size_t lanes = hn::Lanes(d), whole = size / lanes * lanes;
  const float scale = 1.0F / std::sqrt(static_cast<float>(size));
  const float* keys = past.keys + head * size;
  for (std::size_t t = 0; t < past.count; ++t) {
    const float* HWY_RESTRICT key = keys + t * past.stride;
    auto sum = hn::Zero(d);
    std::size_t i = 0;
    for (; i < whole; i += lanes) sum = hn::MulAdd(hn::LoadU(d, query + i), hn::LoadU(d, key + i), sum);
    float tail = 0;
    for (; i < size; ++i) tail += query[i] * key[i];
    weights[t] = scale * (hn::GetLane(hn::SumOfLanes(d, sum)) + tail);
  }
}

/// out = sum over t of weights[t] * values row t.
void attention_mix(const float* HWY_RESTRICT weights, const KeyValues& past, std::size_t head,
                   std::size_t size, float* HWY_RESTRICT out) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  const float* values = past.values + head * size;
  std::size_t i = 0;
  for (; i + lanes <= size; i += lanes) {
    auto sum = hn::Zero(d);
    for (std::size_t t = 0; t < past.count; ++t)
      sum = hn::MulAdd(hn::Set(d, weights[t]), hn::LoadU(d, values + t * past.stride + i), sum);
    hn::StoreU(sum, d, out + i);
  }
  for (; i < size; ++i) {
    float sum = 0;
    for (std::size_t t = 0; t < past.count; ++t) sum += weights[t] * values[t * past.stride + i];
    out[i] = sum;
  }
}

}  // namespace penchant::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace penchant::kernels {
HWY_EXPORT(attention_logits);
HWY_EXPORT(attention_mix);

void attend(std::span<const float> query, const KeyValues& past, std::size_t heads,
            std::vector<float>& scratch, std::span<float> out) {
  PENCHANT_CHECK(heads > 0 && query.size() % heads == 0 && query.size() == out.size() && past.count > 0 &&
                     past.stride >= query.size(),
                 "attend: sizes differ");
  const std::size_t size = query.size() / heads;
  if (scratch.size() < past.count) scratch.resize(past.count);
  const auto logits = HWY_DYNAMIC_DISPATCH(attention_logits);
  const auto mix = HWY_DYNAMIC_DISPATCH(attention_mix);
  const std::span<float> weights(scratch.data(), past.count);
  for (std::size_t h = 0; h < heads; ++h) {
    logits(query.data() + h * size, past, h, size, weights.data());
    softmax(weights);
    mix(weights.data(), past, h, size, out.data() + h * size);
  }
}

void rotate_pairs(std::span<float> x, std::size_t heads, std::span<const float> cos,
                  std::span<const float> sin) {
  const std::size_t size = x.size() / heads, half = size / 2;
  PENCHANT_CHECK(size * heads == x.size() && half * 2 == size && cos.size() == half && sin.size() == half,
                 "rotate_pairs: sizes differ");
  for (std::size_t h = 0; h < heads; ++h) {
    float* low = x.data() + h * size;
    float* high = low + half;
    for (std::size_t j = 0; j < half; ++j) {
      const float a = low[j], b = high[j];
      low[j] = a * cos[j] - b * sin[j];
      high[j] = a * sin[j] + b * cos[j];
    }
  }
}
}  // namespace penchant::kernels
#endif  // HWY_ONCE
