#include "penchant/kernels/vectors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <utility>

#include "penchant/kernels/simd_levels_testing.h"

namespace penchant::kernels {
namespace {
using testing::at_every_simd_level;
using testing::gamma;
using testing::kSizes;
using testing::kUnit;
using testing::random_matrix;
using testing::random_vector;

struct Exact {
  double sum = 0, magnitude = 0;
};
Exact exact_dot(std::span<const float> a, std::span<const float> b) {
  Exact e;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double p = static_cast<double>(a[i]) * static_cast<double>(b[i]);
    e.sum += p;
    e.magnitude += std::fabs(p);
  }
  return e;
}

TEST(Vectors, SeveralSimdLevelsAreTested) {
  std::set<std::string> levels;
  at_every_simd_level([&] { levels.insert(simd_level()); });
  EXPECT_GE(levels.size(), 2U);  // the portable level, and what the CPU has
  EXPECT_TRUE(levels.contains(simd_level()));
}

TEST(Vectors, DotStaysWithinTheBoundOfASum) {
  at_every_simd_level([] {
    Rng rng(1);
    for (const std::size_t n : kSizes) {
      const auto a = random_vector(rng, n), b = random_vector(rng, n);
      const Exact e = exact_dot(a, b);
      EXPECT_NEAR(dot(a, b), e.sum, gamma(n) * e.magnitude) << n;
    }
    EXPECT_EQ(dot({}, {}), 0.0F);
  });
}

TEST(Vectors, ScoresEqualDotBitForBit) {
  at_every_simd_level([] {
    Rng rng(2);
    for (const std::size_t n : kSizes)
      for (const std::size_t rows : {0U, 1U, 2U, 5U}) {
        const auto m = random_matrix(rng, rows, n + 3);
        const MatrixView<const float> view(m.values().data(), rows, n, n + 3);  // a stride
        const auto v = random_vector(rng, n);
        std::vector<float> out(rows, -1.0F);
        scores(view, v, out);
        for (std::size_t r = 0; r < rows; ++r) EXPECT_EQ(out[r], dot(view.row(r), v));
      }
  });
}

TEST(Vectors, AddScaledEqualsTheScalarForm) {
  at_every_simd_level([] {
    Rng rng(3);
    for (const std::size_t n : kSizes) {
      const auto x = random_vector(rng, n);
      auto y = random_vector(rng, n);
      const auto before = y;
      add_scaled(y, 0.7F, x);
      for (std::size_t i = 0; i < n; ++i)
        EXPECT_NEAR(y[i], static_cast<double>(before[i]) + static_cast<double>(0.7F) * x[i],
                    2 * kUnit * (std::fabs(before[i]) + std::fabs(x[i])));
      auto sum = before;
      add(sum, x);
      for (std::size_t i = 0; i < n; ++i) EXPECT_EQ(sum[i], before[i] + x[i]);
    }
  });
}

TEST(Vectors, NormaliseGivesUnitLengthAndLeavesZeroAlone) {
  at_every_simd_level([] {
    Rng rng(4);
    for (const std::size_t n : kSizes) {
      auto v = random_vector(rng, n, 100);
      const Exact before = exact_dot(v, v);
      EXPECT_NEAR(l2_normalise(v), std::sqrt(before.sum), std::sqrt(before.sum) * (gamma(n) + 2 * kUnit));
      EXPECT_NEAR(std::sqrt(exact_dot(v, v).sum), 1.0, gamma(n) + 4 * kUnit);
      std::vector<float> zero(n, 0.0F);
      EXPECT_EQ(l2_normalise(zero), 0.0F);
      EXPECT_EQ(zero, std::vector<float>(n, 0.0F));
    }
  });
}

TEST(Vectors, OneBadValueAnywhereIsNotFinite) {
  at_every_simd_level([] {
    Rng rng(5);
    for (const std::size_t n : kSizes) {
      auto v = random_vector(rng, n, std::numeric_limits<float>::max());
      EXPECT_TRUE(all_finite(v));
      for (std::size_t i = 0; i < n; ++i)
        for (const float bad : {NAN, INFINITY, -INFINITY}) {
          const float kept = std::exchange(v[i], bad);
          EXPECT_FALSE(all_finite(v)) << n << " " << i;
          v[i] = kept;
        }
    }
    EXPECT_TRUE(all_finite({}));
  });
}

TEST(Vectors, FindAboveIsTheFirstStrictlyAbove) {
  at_every_simd_level([] {
    Rng rng(6);
    for (const std::size_t n : kSizes) {
      auto v = random_vector(rng, n);
      v[n / 2] = NAN;
      for (const float threshold : {-2.0F, 0.0F, 0.9F, 2.0F, v[0]})
        for (std::size_t begin = 0; begin <= n; ++begin) {
          std::size_t expected = begin;
          while (expected < n && !(v[expected] > threshold)) ++expected;
          ASSERT_EQ(find_above(v, begin, threshold), expected) << n << " " << begin;
        }
    }
  });
}

TEST(Vectors, MaxAbsIsTheLargestMagnitudeWhereverItStands) {
  at_every_simd_level([] {
    Rng rng(6);
    EXPECT_EQ(max_abs({}), 0);
    for (const std::size_t n : kSizes) {
      auto v = random_vector(rng, n);
      for (std::size_t i = 0; i < n; ++i) {
        const float kept = std::exchange(v[i], -3.0F);
        EXPECT_EQ(max_abs(v), 3) << n << " " << i;
        v[i] = kept;
      }
    }
  });
}

TEST(Vectors, CountAtLeastCountsEqualsAndNeverNan) {
  at_every_simd_level([] {
    Rng rng(7);
    for (const std::size_t n : kSizes) {
      auto v = random_vector(rng, n);
      for (auto& x : v) x = std::round(x * 4);
      v[n / 2] = NAN;
      for (const float threshold : {-INFINITY, -5.0F, -1.0F, 0.0F, 3.0F, 5.0F}) {
        std::size_t expected = 0;
        for (const float x : v) expected += x >= threshold ? 1 : 0;
        EXPECT_EQ(count_at_least(v, threshold), expected) << n << " " << threshold;
      }
    }
    EXPECT_EQ(count_at_least({}, 0), 0U);
  });
}

TEST(Vectors, LengthsThatDifferAreOurBug) {
  const std::vector<float> a(3), b(4);
  EXPECT_THROW((void)dot(a, b), InternalError);
}

}  // namespace
}  // namespace penchant::kernels
