#include "penchant/kernels/dropout.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "penchant/base/result.h"
#include "penchant/kernels/simd_levels_testing.h"

namespace penchant::kernels {
namespace {
using testing::at_every_simd_level;

TEST(Dropout, KeepsTheSameElementsAtEverySimdLevelAndTheRate) {
  const std::size_t n = 100'003;
  const std::vector<float> ones(n, 1);
  std::vector<float> first;
  for (const double rate : {0.1, 0.5}) {
    first.clear();
    at_every_simd_level([&] {
      std::vector<float> out(n);
      dropout(ones, DropoutKey::of(rate, 3), out);
      if (first.empty()) first = out;
      EXPECT_EQ(out, first);
    });
    const auto dropped = static_cast<double>(std::ranges::count(first, 0.0F)) / static_cast<double>(n);
    EXPECT_NEAR(dropped, rate, 5 * std::sqrt(rate * (1 - rate) / static_cast<double>(n)));
    for (const float v : first) ASSERT_TRUE(v == 0 || v == static_cast<float>(1 / (1 - rate)));
  }
}

TEST(Dropout, NeighboursAndSeedsAreIndependent) {
  const std::size_t n = 40'000;
  const std::vector<float> ones(n, 1);
  std::vector<float> a(n), b(n);
  dropout(ones, DropoutKey::of(0.5, 1), a);
  for (std::uint64_t seed = 2; seed < 6; ++seed) {
    dropout(ones, DropoutKey::of(0.5, seed), b);
    double same = 0;
    for (std::size_t i = 0; i < n; ++i) same += a[i] == b[i] ? 1 : 0;
    EXPECT_NEAR(same / static_cast<double>(n), 0.5, 5 * 0.5 / std::sqrt(static_cast<double>(n))) << seed;
  }
  for (const std::size_t apart : {1U, 2U, 3U, 16U, 128U, 256U}) {
    double same = 0;
    for (std::size_t i = 0; i + apart < n; ++i) same += a[i] == a[i + apart] ? 1 : 0;
    EXPECT_NEAR(same / static_cast<double>(n - apart), 0.5, 5 * 0.5 / std::sqrt(static_cast<double>(n))) << apart;
  }
}

TEST(Dropout, WithoutRateItIsTheInputAndMayOverwriteIt) {
  Rng rng(1);
  auto x = testing::random_vector(rng, 77);
  const auto before = x;
  dropout(x, DropoutKey::of(0, 9), x);
  EXPECT_EQ(x, before);
  EXPECT_THROW(DropoutKey::of(1, 0), InternalError);
  EXPECT_THROW(dropout(before, DropoutKey::of(0.1, 0), std::span(x).first(5)), InternalError);
}

}  // namespace
}  // namespace penchant::kernels
