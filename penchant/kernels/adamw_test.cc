#include "penchant/kernels/adamw.h"

#include <gtest/gtest.h>

#include <cmath>

#include "penchant/base/result.h"
#include "penchant/kernels/simd_levels_testing.h"

namespace penchant::kernels {
namespace {
using testing::at_every_simd_level;
using testing::kSizes;
using testing::random_vector;

TEST(AdamW, FollowsTheDefinition) {
  at_every_simd_level([] {
    Executor executor(2);
    for (const std::size_t n : kSizes) {
      Rng rng(n);
      auto values = random_vector(rng, n);
      std::vector<float> mean(n, 0), square(n, 0);
      std::vector<double> exact(values.begin(), values.end()), m(n, 0), s(n, 0);
      const AdamW how{.learning_rate = 0.01, .weight_decay = 0.1, .beta1 = 0.9, .beta2 = 0.98};
      for (std::uint64_t step = 1; step <= 5; ++step) {
        const auto gradients = random_vector(rng, n);
        adamw_step(values, gradients, mean, square, how, step, 0.5, executor);
        for (std::size_t i = 0; i < n; ++i) {
          const double g = 0.5 * gradients[i];
          exact[i] -= how.learning_rate * how.weight_decay * exact[i];
          m[i] = how.beta1 * m[i] + (1 - how.beta1) * g;
          s[i] = how.beta2 * s[i] + (1 - how.beta2) * g * g;
          const double t = static_cast<double>(step);
          exact[i] -= how.learning_rate * (m[i] / (1 - std::pow(how.beta1, t))) / (std::sqrt(s[i] / (1 - std::pow(how.beta2, t))) + how.epsilon);
        }
      }
      for (std::size_t i = 0; i < n; ++i) EXPECT_NEAR(values[i], exact[i], 2e-6) << i;
    }
  });
}

TEST(AdamW, ThreadsChangeNothing) {
  Executor one(1), three(3);
  const std::size_t n = 200'001;
  Rng rng(1);
  auto a = random_vector(rng, n), b = a;
  const auto gradients = random_vector(rng, n);
  std::vector<float> ma(n, 0), sa(n, 0), mb(n, 0), sb(n, 0);
  adamw_step(a, gradients, ma, sa, {}, 1, 1, one);
  adamw_step(b, gradients, mb, sb, {}, 1, 1, three);
  EXPECT_EQ(a, b);
  EXPECT_THROW(adamw_step(a, gradients, ma, std::span(sa).first(1), {}, 1, 1, one), InternalError);
}

TEST(SumOfSquares, EqualsTheSumInDouble) {
  at_every_simd_level([] {
    for (const std::size_t n : kSizes) {
      Rng rng(n);
      const auto x = random_vector(rng, n, 100);
      double expected = 0;
      for (const float v : x) expected += static_cast<double>(v) * v;
      EXPECT_NEAR(sum_of_squares(x), expected, 1e-12 * expected);
    }
  });
}

}  // namespace
}  // namespace penchant::kernels
