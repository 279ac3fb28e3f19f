#include "penchant/kernels/attention.h"

#include <gtest/gtest.h>

#include <cmath>

#include "penchant/base/result.h"
#include "penchant/kernels/simd_levels_testing.h"

namespace penchant::kernels {
namespace {
using testing::at_every_simd_level;
using testing::gamma;
using testing::kSizes;
using testing::kUnit;
using testing::random_vector;

TEST(Attention, EqualsTheDefinition) {
  at_every_simd_level([] {
    Rng rng(1);
    for (const std::size_t size : kSizes)
      for (const std::size_t count : {1U, 2U, 17U})
        for (const std::size_t heads : {1U, 3U}) {
          const std::size_t d = heads * size, stride = d + 5;
          const auto query = random_vector(rng, d), keys = random_vector(rng, count * stride),
                     values = random_vector(rng, count * stride);
          std::vector<float> out(d), scratch;
          attend(query, {keys.data(), values.data(), count, stride}, heads, scratch, out);
          for (std::size_t h = 0; h < heads; ++h) {
            std::vector<double> weights(count);
            double sum = 0;
            for (std::size_t t = 0; t < count; ++t) {
              double logit = 0;
              for (std::size_t i = h * size; i < (h + 1) * size; ++i)
                logit += static_cast<double>(query[i]) * keys[t * stride + i];
              weights[t] = std::exp(logit / std::sqrt(static_cast<double>(size)));
              sum += weights[t];
            }
            for (std::size_t i = h * size; i < (h + 1) * size; ++i) {
              double mixed = 0;
              for (std::size_t t = 0; t < count; ++t) mixed += weights[t] / sum * values[t * stride + i];
              // |q|, |k|, |v| <= 1, so a logit is off by gamma_size * sqrt(size), which twice moves
              // a weight (itself and the sum); the mix adds gamma_count.
              const double bound =
                  2 * gamma(size + 4) * std::sqrt(static_cast<double>(size)) + gamma(2 * count) + 24 * kUnit;
              EXPECT_NEAR(out[i], mixed, bound) << size << " " << count;
            }
          }
        }
  });
}

TEST(Attention, QueryMayBeOverwritten) {
  Rng rng(2);
  auto query = random_vector(rng, 32);
  const auto keys = random_vector(rng, 5 * 32), values = random_vector(rng, 5 * 32);
  std::vector<float> out(32), scratch;
  const KeyValues past{keys.data(), values.data(), 5, 32};
  attend(query, past, 4, scratch, out);
  attend(query, past, 4, scratch, query);
  EXPECT_EQ(query, out);
}

TEST(Attention, RotationKeepsLengthsAndDependsOnDistanceOnly) {
  // <R(p) q, R(p + 3) k> is the same for every p.
  Rng rng(3);
  const auto q = random_vector(rng, 8), k = random_vector(rng, 8);
  const auto turned = [](std::vector<float> x, int position) {
    std::vector<float> cos(2), sin(2);
    for (int j = 0; j < 2; ++j) {
      cos[j] = static_cast<float>(std::cos(position * std::pow(10000.0, -j / 2.0)));
      sin[j] = static_cast<float>(std::sin(position * std::pow(10000.0, -j / 2.0)));
    }
    rotate_pairs(x, 2, cos, sin);
    return x;
  };
  const auto inner = [](const std::vector<float>& a, const std::vector<float>& b) {
    double s = 0;
    for (std::size_t i = 0; i < a.size(); ++i) s += static_cast<double>(a[i]) * b[i];
    return s;
  };
  const double first = inner(turned(q, 0), turned(k, 3));
  for (const int p : {1, 10, 77}) EXPECT_NEAR(inner(turned(q, p), turned(k, p + 3)), first, 8 * 8 * kUnit);
  EXPECT_NEAR(inner(turned(q, 9), turned(q, 9)), inner(q, q), 8 * 8 * kUnit);
}

TEST(Attention, WrongSizesAreOurBug) {
  std::vector<float> x(6), scratch;
  EXPECT_THROW(attend(x, {x.data(), x.data(), 1, 6}, 4, scratch, x), InternalError);
  EXPECT_THROW(attend(x, {x.data(), x.data(), 0, 6}, 1, scratch, x), InternalError);
  EXPECT_THROW(rotate_pairs(x, 2, {}, {}), InternalError);
}

}  // namespace
}  // namespace penchant::kernels
