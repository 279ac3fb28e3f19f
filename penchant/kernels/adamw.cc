#include "penchant/kernels/adamw.h"

#include <cmath>

#include "penchant/base/result.h"
#include "penchant/kernels/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/kernels/adamw.cc"
// Highway's per-target headers come after foreach_target.h.
// clang-format off
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// clang-format on

#ifndef PENCHANT_KERNELS_ADAMW_SHARED
#define PENCHANT_KERNELS_ADAMW_SHARED
namespace penchant::kernels {
/// What one step multiplies with.
struct AdamWFactors {
  float scale, keep, rate, beta1, beta2, correction, epsilon;
};
}  // namespace penchant::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace penchant::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
HWY_INLINE void move(D d, float* HWY_RESTRICT value, const float* HWY_RESTRICT gradient, float* HWY_RESTRICT mean,
                     float* HWY_RESTRICT square, const AdamWFactors& f) {
  const auto g = hn::Mul(hn::LoadU(d, gradient), hn::Set(d, f.scale));
  const auto m = hn::MulAdd(hn::Set(d, f.beta1), hn::LoadU(d, mean), hn::Mul(hn::Set(d, 1 - f.beta1), g));
  const auto s = hn::MulAdd(hn::Set(d, f.beta2), hn::LoadU(d, square), hn::Mul(hn::Mul(hn::Set(d, 1 - f.beta2), g), g));
  const auto step = hn::Div(m, hn::Add(hn::Sqrt(hn::Mul(s, hn::Set(d, f.correction))), hn::Set(d, f.epsilon)));
  hn::StoreU(m, d, mean);
  hn::StoreU(s, d, square);
  hn::StoreU(hn::NegMulAdd(hn::Set(d, f.rate), step, hn::Mul(hn::LoadU(d, value), hn::Set(d, f.keep))), d, value);
}

void move_all(float* value, const float* gradient, float* mean, float* square, std::size_t n, const AdamWFactors& f) {
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 1> one;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) move(d, value + i, gradient + i, mean + i, square + i, f);
  for (; i < n; ++i) move(one, value + i, gradient + i, mean + i, square + i, f);
}

double squares_of(const float* x, std::size_t n) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<float, decltype(d)> df;
  const std::size_t lanes = hn::Lanes(d);
  auto sum = hn::Zero(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto v = hn::PromoteTo(d, hn::LoadU(df, x + i));
    sum = hn::MulAdd(v, v, sum);
  }
  double total = hn::GetLane(hn::SumOfLanes(d, sum));
  for (; i < n; ++i) total += static_cast<double>(x[i]) * x[i];
  return total;
}

}  // namespace penchant::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace penchant::kernels {
HWY_EXPORT(move_all);
HWY_EXPORT(squares_of);

void adamw_step(std::span<float> values, std::span<const float> gradients, std::span<float> mean, std::span<float> square,
                const AdamW& how, std::uint64_t step, double gradient_scale, Executor& executor) {
  PENCHANT_CHECK(gradients.size() == values.size() && mean.size() == values.size() && square.size() == values.size() && step > 0,
                 "adamw_step: sizes differ");
  const auto t = static_cast<double>(step);
  const AdamWFactors factors{static_cast<float>(gradient_scale),
                             static_cast<float>(1 - how.learning_rate * how.weight_decay),
                             static_cast<float>(how.learning_rate / (1 - std::pow(how.beta1, t))),
                             static_cast<float>(how.beta1),
                             static_cast<float>(how.beta2),
                             static_cast<float>(1 / (1 - std::pow(how.beta2, t))),
                             static_cast<float>(how.epsilon)};
  const auto move = HWY_DYNAMIC_DISPATCH(move_all);
  constexpr std::size_t kGrain = 1 << 15;  // elements that are worth another thread
  executor.parallel_for(values.size(), kGrain, [&](std::size_t begin, std::size_t end) {
    move(values.data() + begin, gradients.data() + begin, mean.data() + begin, square.data() + begin, end - begin, factors);
  });
}

double sum_of_squares(std::span<const float> x) { return HWY_DYNAMIC_DISPATCH(squares_of)(x.data(), x.size()); }

}  // namespace penchant::kernels
#endif  // HWY_ONCE
