#include "penchant/kernels/softmax_loss.h"

#include <gtest/gtest.h>

#include <cmath>

#include "penchant/kernels/simd_levels_testing.h"

namespace penchant::kernels {
namespace {

struct Problem {
  Matrix<float> users, items;
  std::vector<float> bias, weights;
  std::vector<std::int64_t> targets;
  double smoothing = 0;
  [[nodiscard]] SoftmaxLossInput input() const { return {users.view(), items.view(), bias, targets, weights, smoothing}; }
};

Problem random_problem(std::size_t p, std::size_t n, std::size_t d, std::size_t k, bool bias, double smoothing,
                       double scale = 1) {
  Rng rng(p * 31 + n);
  Problem x{testing::random_matrix(rng, p, d, scale), testing::random_matrix(rng, n, d, scale)};
  if (bias) x.bias = testing::random_vector(rng, n);
  for (std::size_t r = 0; r < p; ++r)
    for (std::size_t c = 0; c < k; ++c) {
      x.targets.push_back(static_cast<std::int64_t>(rng.below(n)));
      x.weights.push_back(1.0F / static_cast<float>(k) * (r % 3 == 1 ? 2.5F : 1.0F));  // some positions count for more
    }
  x.smoothing = smoothing;
  return x;
}

/// The definition, in double.
struct Slow {
  double loss = 0;
  Matrix<double> users, items;
  std::vector<double> bias;
  explicit Slow(const Problem& x)
      : users(x.users.rows(), x.users.cols()), items(x.items.rows(), x.items.cols()), bias(x.items.rows()) {
    const std::size_t p = x.users.rows(), n = x.items.rows(), d = x.items.cols(), k = x.targets.size() / p;
    for (std::size_t r = 0; r < p; ++r) {
      double top = -1e300, sum = 0, whole = 0;
      for (std::size_t c = 0; c < k; ++c) whole += x.weights[r * k + c];
      std::vector<double> logits(n), wanted(n, x.smoothing * whole / double(n));
      for (std::size_t i = 0; i < n; ++i) {
        logits[i] = x.bias.empty() ? 0 : x.bias[i];
        for (std::size_t c = 0; c < d; ++c) logits[i] += double(x.users(r, c)) * x.items(i, c);
        top = std::max(top, logits[i]);
      }
      for (const double l : logits) sum += std::exp(l - top);
      for (std::size_t c = 0; c < k; ++c)
        wanted[std::size_t(x.targets[r * k + c])] += (1 - x.smoothing) * x.weights[r * k + c];
      for (std::size_t i = 0; i < n; ++i) {
        const double log_p = logits[i] - top - std::log(sum), g = (whole * std::exp(log_p) - wanted[i]) / double(p);
        loss -= wanted[i] * log_p / double(p);
        bias[i] += g;
        for (std::size_t c = 0; c < d; ++c) users(r, c) += g * x.items(i, c), items(i, c) += g * x.users(r, c);
      }
    }
  }
};

struct Fast {
  double loss = 0;
  Matrix<float> users, items;
  std::vector<float> bias;
  Fast(const Problem& x, Precision precision, std::size_t threads)
      : users(x.users.rows(), x.users.cols()), items(x.items.rows(), x.items.cols()), bias(x.items.rows()) {
    Executor executor(threads);
    loss = softmax_loss(x.input(), {users.view(), items.view(), bias}, precision, executor);
  }
};

double largest_difference(const auto& a, const auto& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(double(a[i]) - double(b[i])));
  return worst;
}
double largest(const auto& a) {
  double worst = 0;
  for (const auto v : a) worst = std::max(worst, std::abs(double(v)));
  return worst;
}

TEST(SoftmaxLoss, EqualsTheDefinitionAtEverySizeAndLevel) {
  struct Case {
    std::size_t p, n, d, k;
    bool bias;
    double smoothing;
  };
  const Case cases[] = {{1, 1, 1, 1, false, 0},     {3, 5, 4, 1, true, 0},       {130, 40, 8, 2, true, 0.1},
                        {257, 1030, 16, 1, false, 0}, {64, 2500, 33, 1, true, 0.2}, {129, 1024, 64, 3, false, 0.1}};
  testing::at_every_simd_level([&] {
    for (const Case& c : cases) {
      const Problem x = random_problem(c.p, c.n, c.d, c.k, c.bias, c.smoothing);
      const Slow slow(x);
      const Fast fast(x, Precision::f32, 2);
      EXPECT_NEAR(fast.loss, slow.loss, 1e-5 * (1 + slow.loss)) << c.p << " x " << c.n;
      EXPECT_LT(largest_difference(fast.users.values(), slow.users.values()), 1e-5 * largest(slow.users.values()) + 1e-9);
      EXPECT_LT(largest_difference(fast.items.values(), slow.items.values()), 1e-5 * largest(slow.items.values()) + 1e-9);
      EXPECT_LT(largest_difference(fast.bias, slow.bias), 1e-5 * largest(slow.bias) + 1e-9);
    }
  });
}

TEST(SoftmaxLoss, HalfPrecisionStaysWithinItsRounding) {
  if (fastest_precision() != Precision::bf16) GTEST_SKIP() << "this CPU does not multiply bfloat16";
  const Problem x = random_problem(300, 3000, 64, 1, true, 0);
  const Slow slow(x);
  const Fast fast(x, Precision::bf16, 2);
  EXPECT_NEAR(fast.loss, slow.loss, 1e-3 * slow.loss);
  // Every factor of a product is rounded to 8 bits: 2^-9 each.
  EXPECT_LT(largest_difference(fast.users.values(), slow.users.values()), 0.01 * largest(slow.users.values()));
  EXPECT_LT(largest_difference(fast.items.values(), slow.items.values()), 0.01 * largest(slow.items.values()));
}

TEST(SoftmaxLoss, SurvivesLogitsThatOverflowTheExponential) {
  const Problem x = random_problem(20, 50, 16, 1, true, 0.1, 100);
  const Slow slow(x);
  const Fast fast(x, Precision::f32, 1);
  EXPECT_NEAR(fast.loss, slow.loss, 1e-4 * slow.loss);
  EXPECT_LT(largest_difference(fast.users.values(), slow.users.values()), 1e-3 * largest(slow.users.values()));
}

TEST(SoftmaxLoss, IsTheSameInEveryRunAndWithoutGradients) {
  const Problem x = random_problem(700, 1500, 32, 1, false, 0);
  const Fast a(x, fastest_precision(), 2), b(x, fastest_precision(), 2);
  EXPECT_EQ(a.loss, b.loss);
  EXPECT_EQ(a.items.values(), b.items.values());
  Executor executor(2);
  EXPECT_EQ(softmax_loss(x.input(), {}, fastest_precision(), executor), a.loss);
}

TEST(SoftmaxLoss, RefusesATargetThatIsNoItem) {
  Problem x = random_problem(2, 3, 4, 1, false, 0);
  x.targets[1] = 3;
  Executor executor(1);
  EXPECT_THROW(softmax_loss(x.input(), {}, Precision::f32, executor), InternalError);
}

}  // namespace
}  // namespace penchant::kernels
