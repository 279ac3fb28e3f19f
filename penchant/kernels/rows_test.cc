#include "penchant/kernels/rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "penchant/kernels/simd_levels_testing.h"

namespace penchant::kernels {
namespace {
using testing::at_every_simd_level;
using testing::gamma;
using testing::kSizes;
using testing::kUnit;
using testing::random_matrix;
using testing::random_vector;

std::vector<double> exact_log_softmax(std::span<const float> x) {
  double max = x[0], sum = 0;
  for (const float v : x) max = std::max(max, static_cast<double>(v));
  for (const float v : x) sum += std::exp(v - max);
  std::vector<double> out;
  for (const float v : x) out.push_back(v - max - std::log(sum));
  return out;
}

// x - max rounds once: an absolute error of |x - max| u in the exponent is that relative error of
// the term. exp itself is within 4 ulp (8 u); the sum adds gamma_n, the division 2 u.
double softmax_bound(std::size_t n, double range) { return 2 * range * kUnit + gamma(n) + 20 * kUnit; }

TEST(Rows, SoftmaxWithinTheDerivedBound) {
  at_every_simd_level([] {
    Rng rng(1);
    for (const std::size_t n : kSizes)
      for (const double scale : {0.1, 5.0, 40.0}) {
        auto x = random_vector(rng, n, scale);
        const auto expected = exact_log_softmax(x);
        softmax(x);
        for (std::size_t i = 0; i < n; ++i) {
          const double p = std::exp(expected[i]);
          // Below the smallest normal float the result may flush to zero.
          EXPECT_NEAR(x[i], p, p * softmax_bound(n, 2 * scale) + 2e-38) << n << " " << i;
        }
      }
  });
}

TEST(Rows, SoftmaxOfMinusInfinityIsZero) {
  at_every_simd_level([] {
    for (const std::size_t n : kSizes) {
      std::vector<float> x(n, -std::numeric_limits<float>::infinity());
      x[n - 1] = 3.0F;
      softmax(x);
      for (std::size_t i = 0; i + 1 < n; ++i) EXPECT_EQ(x[i], 0.0F);
      EXPECT_EQ(x[n - 1], 1.0F);
    }
  });
}

TEST(Rows, LogSoftmaxWithinTheDerivedBound) {
  at_every_simd_level([] {
    Rng rng(2);
    for (const std::size_t n : kSizes)
      for (const double scale : {0.1, 5.0, 80.0}) {
        auto x = random_vector(rng, n, scale);
        const auto expected = exact_log_softmax(x);
        log_softmax(x);
        for (std::size_t i = 0; i < n; ++i)
          EXPECT_NEAR(x[i], expected[i],
                      softmax_bound(n, 2 * scale) + 4 * kUnit * (2 * scale + std::log(n + 1.0)))
              << n << " " << i;
      }
  });
}

TEST(Rows, LogSumExpIsWhatLogSoftmaxSubtracts) {
  at_every_simd_level([] {
    Rng rng(3);
    for (const std::size_t n : kSizes) {
      auto x = random_vector(rng, n, 20);
      double max = x[0], sum = 0;
      for (const float v : x) max = std::max(max, static_cast<double>(v));
      for (const float v : x) sum += std::exp(v - max);
      EXPECT_NEAR(log_sum_exp(x), max + std::log(sum), softmax_bound(n, 40) + 40 * kUnit) << n;
      x[n / 2] = -std::numeric_limits<float>::infinity();
      EXPECT_EQ(std::isfinite(log_sum_exp(x)), n > 1);
    }
    EXPECT_EQ(log_sum_exp({}), -std::numeric_limits<float>::infinity());
  });
}

TEST(Rows, LayerNormWithinTheDerivedBound) {
  at_every_simd_level([] {
    Rng rng(3);
    for (const std::size_t n : kSizes)
      for (const float epsilon : {1e-5F, 1e-12F}) {
        const auto x = random_matrix(rng, 3, n, 4);
        const auto scale = random_vector(rng, n), shift = random_vector(rng, n);
        Matrix<float> out(3, n), in_place = x;
        layer_norm(x.view(), {scale, shift, epsilon}, out.view());
        layer_norm(in_place.view(), {scale, shift, epsilon}, in_place.view());
        EXPECT_EQ(out.values(), in_place.values());
        for (std::size_t r = 0; r < 3; ++r) {
          double mean = 0, variance = 0, largest = 0;
          for (const float v : x.row(r)) mean += v / static_cast<double>(n);
          for (const float v : x.row(r)) {
            variance += (v - mean) * (v - mean) / static_cast<double>(n);
            largest = std::max(largest, std::fabs(static_cast<double>(v)));
          }
          const double inverse = 1 / std::sqrt(variance + epsilon);

          for (std::size_t i = 0; i < n; ++i) {
            const double z = (x(r, i) - mean) * inverse;
            // The mean is off by gamma_n times the largest value, which enters z divided by the
            // spread; the spread itself is off by gamma_n + 4 u, relative.
            const double bound = std::fabs(scale[i]) * (largest * inverse * 2 * gamma(n + 2) +
                                                        std::fabs(z) * (gamma(n) + 6 * kUnit)) +
                                 2 * kUnit * (std::fabs(z * scale[i]) + std::fabs(shift[i]));
            EXPECT_NEAR(out(r, i), z * scale[i] + shift[i], bound) << n << " " << i;
          }
        }
      }
    const std::vector<float> one{5.0F}, scale{2.0F}, shift{-1.0F};
    std::vector<float> out(1);
    layer_norm({one.data(), 1, 1}, {scale, shift, 1e-5F}, {out.data(), 1, 1});
    EXPECT_EQ(out[0], -1.0F);
  });
}

TEST(Rows, GeluWithinTheErrorOfItsErf) {
  at_every_simd_level([] {
    Rng rng(4);
    for (const std::size_t n : kSizes)
      for (const double scale : {0.01, 1.0, 6.0, 1000.0}) {
        auto x = random_vector(rng, n, scale);
        const auto before = x;
        gelu(x);
        for (std::size_t i = 0; i < n; ++i) {
          const double v = before[i];
          // erf is within 4e-7 of itself, and of 1 where it is clamped; x / sqrt(2) rounds to 2 u
          // and erf(z) moves by at most 0.43 u per u there; the last sum rounds to 2 u.
          EXPECT_NEAR(x[i], 0.5 * v * (1 + std::erf(v / std::sqrt(2.0))),
                      0.5 * std::fabs(v) * (4e-7 + 5 * kUnit))
              << v;
        }
      }
    std::vector<float> ends{0.0F, -50.0F, 50.0F};
    gelu(ends);
    EXPECT_EQ(ends[0], 0.0F);
    EXPECT_NEAR(ends[1], 0.0, 50 * 2e-7);
    EXPECT_NEAR(ends[2], 50.0, 50 * 2e-7);
  });
}

TEST(Rows, NothingHappensToNothing) {
  softmax({});
  log_softmax({});
  gelu({});
  layer_norm({}, {}, {});
}

}  // namespace
}  // namespace penchant::kernels
