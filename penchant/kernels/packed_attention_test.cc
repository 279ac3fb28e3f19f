#include "penchant/kernels/packed_attention.h"

#include <gtest/gtest.h>

#include <cmath>

#include "penchant/kernels/simd_levels_testing.h"

namespace penchant::kernels {
namespace {
using testing::at_every_simd_level;
using testing::random_matrix;

/// Lengths around the block of rows and the vector, and an empty history.
const std::vector<std::int64_t> kOffsets{0, 1, 1, 4, 9, 25, 42, 75};

struct Angles {
  Matrix<float> cosines, sines;
};
Angles angles_for(std::size_t rows, std::size_t half) {
  Angles a{Matrix<float>(rows, half), Matrix<float>(rows, half)};
  for (std::size_t p = 0; p < rows; ++p)
    for (std::size_t j = 0; j < half; ++j) {
      a.cosines.row(p)[j] = static_cast<float>(std::cos(0.3 * static_cast<double>(p) / static_cast<double>(j + 1)));
      a.sines.row(p)[j] = static_cast<float>(std::sin(0.3 * static_cast<double>(p) / static_cast<double>(j + 1)));
    }
  return a;
}

/// The definition in double.
std::vector<double> definition(const PackedAttention& a, const std::vector<double>& x, std::size_t d) {
  const std::size_t size = d / a.heads, rows = static_cast<std::size_t>(a.offsets.back());
  std::vector<double> out(rows * d, 0);
  const auto value = [&](std::size_t row, std::size_t place, std::size_t part, std::size_t h, std::size_t j) {
    const double* v = x.data() + row * 3 * d + part * d + h * size;
    if (part == 2 || a.cosines.empty()) return v[j];
    const std::size_t half = size / 2, k = j % half;
    const double c = a.cosines(place, k), s = a.sines(place, k);
    return j < half ? v[k] * c - v[k + half] * s : v[k] * s + v[k + half] * c;
  };
  for (std::size_t s = 0; s + 1 < a.offsets.size(); ++s) {
    const auto begin = static_cast<std::size_t>(a.offsets[s]), end = static_cast<std::size_t>(a.offsets[s + 1]);
    for (std::size_t h = 0; h < a.heads; ++h)
      for (std::size_t i = begin; i < end; ++i) {
        const std::size_t last = a.causal ? i + 1 : end;
        std::vector<double> weights;
        double sum = 0;
        for (std::size_t t = begin; t < last; ++t) {
          double logit = 0;
          for (std::size_t j = 0; j < size; ++j) logit += value(i, i - begin, 0, h, j) * value(t, t - begin, 1, h, j);
          weights.push_back(std::exp(logit / std::sqrt(static_cast<double>(size))));
          sum += weights.back();
        }
        for (std::size_t t = begin; t < last; ++t)
          for (std::size_t j = 0; j < size; ++j) out[i * d + h * size + j] += weights[t - begin] / sum * value(t, 0, 2, h, j);
      }
  }
  return out;
}

struct Passes {
  Matrix<float> out, gradient;
  std::vector<float> log_sums;
};
Passes run(const PackedAttention& a, const Matrix<float>& projected, const Matrix<float>& d_out, std::size_t threads = 1) {
  Executor executor(threads);
  const std::size_t rows = d_out.rows(), d = d_out.cols();
  Passes p{Matrix<float>(rows, d), Matrix<float>(rows, 3 * d), std::vector<float>(rows * a.heads)};
  packed_attention(a, projected.view(), p.out.view(), p.log_sums, executor);
  packed_attention_gradient(a, projected.view(), p.out.view(), p.log_sums, d_out.view(), p.gradient.view(), executor);
  return p;
}

TEST(PackedAttention, EqualsTheDefinitionAndItsDifferences) {
  at_every_simd_level([] {
    for (const std::size_t size : {2U, 8U, 16U, 64U})
      for (const bool causal : {true, false})
        for (const bool rotary : {true, false}) {
          constexpr std::size_t kHeads = 2;
          const std::size_t d = kHeads * size, rows = static_cast<std::size_t>(kOffsets.back());
          Rng rng(size);
          const auto projected = random_matrix(rng, rows, 3 * d), d_out = random_matrix(rng, rows, d);
          const Angles angles = angles_for(40, size / 2);
          PackedAttention a{kOffsets, kHeads, causal};
          if (rotary) a.cosines = angles.cosines.view(), a.sines = angles.sines.view();
          const Passes got = run(a, projected, d_out);
          std::vector<double> x(projected.values().begin(), projected.values().end());
          const auto expected = definition(a, x, d);
          for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(got.out.values()[i], expected[i], 2e-5) << i;
          // The gradient of <out, d_out>, by differences in double, at every 97th input.
          const auto objective = [&] {
            const auto out = definition(a, x, d);
            double sum = 0;
            for (std::size_t i = 0; i < out.size(); ++i) sum += out[i] * d_out.values()[i];
            return sum;
          };
          for (std::size_t at = size % 7; at < x.size(); at += x.size() / 29) {
            constexpr double kStep = 1e-4;
            const double before = x[at];
            x[at] = before + kStep;
            const double up = objective();
            x[at] = before - kStep;
            const double slope = (up - objective()) / (2 * kStep);
            x[at] = before;
            EXPECT_NEAR(got.gradient.values()[at], slope, 5e-5) << "input " << at << " size " << size << " causal " << causal;
          }
        }
  });
}

TEST(PackedAttention, HistoriesDoNotSeeEachOtherAndThreadsChangeNothing) {
  constexpr std::size_t kDim = 32;
  Rng rng(4);
  const std::size_t rows = static_cast<std::size_t>(kOffsets.back());
  auto projected = random_matrix(rng, rows, 3 * kDim);
  const auto d_out = random_matrix(rng, rows, kDim);
  const PackedAttention a{kOffsets, 4, true, {}, {}, 0.3, 9};
  const Passes one = run(a, projected, d_out, 1), three = run(a, projected, d_out, 3);
  EXPECT_EQ(one.out.values(), three.out.values());
  EXPECT_EQ(one.gradient.values(), three.gradient.values());
  for (float& v : projected.row(30)) v += 1;  // of the history that begins at 25
  const Passes changed = run(a, projected, d_out, 1);
  for (std::size_t r = 0; r < rows; ++r) {
    const bool same = std::ranges::equal(one.out.row(r), changed.out.row(r));
    EXPECT_EQ(same, r < 30 || r >= 42) << r;
  }
}

TEST(PackedAttention, DropoutKeepsTheMeanAndItsGradientIsThatOfTheSameDraw) {
  constexpr std::size_t kDim = 16, kLength = 40;
  constexpr double kDropout = 0.4;
  const std::vector<std::int64_t> offsets{0, kLength};
  Rng rng(5);
  auto projected = random_matrix(rng, kLength, 3 * kDim);
  const auto d_out = random_matrix(rng, kLength, kDim);
  const PackedAttention plain{offsets, 1, false};
  const auto whole = run(plain, projected, d_out).out;
  std::vector<double> mean(kLength * kDim, 0);
  constexpr int kDraws = 4000;
  for (int draw = 0; draw < kDraws; ++draw) {
    PackedAttention a = plain;
    a.dropout = kDropout, a.seed = static_cast<std::uint64_t>(draw);
    const auto got = run(a, projected, d_out).out;
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += static_cast<double>(got.values()[i]) / kDraws;
  }
  // |v| <= 1 and weights near 1/40: one draw deviates by about sqrt(.4 / .6 / 40) * .6.
  for (std::size_t i = 0; i < mean.size(); ++i) EXPECT_NEAR(mean[i], whole.values()[i], 5 * 0.08 / std::sqrt(kDraws)) << i;

  PackedAttention a = plain;
  a.dropout = kDropout, a.seed = 11;
  const Passes once = run(a, projected, d_out);
  EXPECT_EQ(once.out.values(), run(a, projected, d_out).out.values());
  for (const std::size_t at : {5U, 100U, 300U, 700U, 1500U}) {
    const auto objective = [&](float step) {
      auto moved = projected;
      moved.values()[at] += step;
      const auto out = run(a, moved, d_out).out;
      double sum = 0;
      for (std::size_t i = 0; i < out.values().size(); ++i) sum += static_cast<double>(out.values()[i]) * d_out.values()[i];
      return sum;
    };
    constexpr float kStep = 1.0F / 64;
    EXPECT_NEAR(once.gradient.values()[at], (objective(kStep) - objective(-kStep)) / (2 * kStep), 2e-3) << at;
  }
}

TEST(PackedAttention, WrongSizesAreOurBug) {
  Executor executor(1);
  Matrix<float> projected(4, 24), out(4, 8);
  std::vector<float> sums(8);
  const std::vector<std::int64_t> right{0, 1, 4}, wrong{0, 3};
  EXPECT_NO_THROW(packed_attention({right, 2}, projected.view(), out.view(), sums, executor));
  EXPECT_THROW(packed_attention({wrong, 2}, projected.view(), out.view(), sums, executor), InternalError);
  EXPECT_THROW(packed_attention({right, 3}, projected.view(), out.view(), sums, executor), InternalError);
  const Matrix<float> few(2, 2);
  EXPECT_THROW(packed_attention({right, 2, true, few.view(), few.view()}, projected.view(), out.view(), sums, executor), InternalError);
}

}  // namespace
}  // namespace penchant::kernels
