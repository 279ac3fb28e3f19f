#include "penchant/kernels/linear.h"

#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "penchant/kernels/panels.h"
#include "penchant/kernels/simd_levels_testing.h"

namespace penchant::kernels {
namespace {
using testing::at_every_simd_level;
using testing::gamma;
using testing::kSizes;
using testing::random_matrix;
using testing::random_vector;

void expect_product(const Matrix<float>& w, std::span<const float> bias, MatrixView<const float> x,
                    MatrixView<const float> y) {
  for (std::size_t r = 0; r < x.rows(); ++r)
    for (std::size_t o = 0; o < w.rows(); ++o) {
      double sum = bias.empty() ? 0 : bias[o], magnitude = std::fabs(sum);
      for (std::size_t i = 0; i < w.cols(); ++i) {
        sum += static_cast<double>(x(r, i)) * w(o, i);
        magnitude += std::fabs(static_cast<double>(x(r, i)) * w(o, i));
      }
      ASSERT_NEAR(y(r, o), sum, gamma(w.cols() + 1) * magnitude)
          << "row " << r << " output " << o << " of " << x.rows() << "x" << w.cols() << "->" << w.rows();
    }
}

TEST(PackedLinear, EqualsTheDefinitionAtAwkwardSizes) {
  at_every_simd_level([] {
    Rng rng(1);
    for (const std::size_t in : kSizes)
      for (const std::size_t out : {1U, 15U, 16U, 33U, 64U, 65U, 100U}) {
        const auto w = random_matrix(rng, out, in);
        const auto bias = random_vector(rng, out);
        const PackedLinear layer(w.view(), bias);
        EXPECT_EQ(layer.inputs(), in);
        EXPECT_EQ(layer.outputs(), out);
        for (const std::size_t rows : {1U, 2U, 3U, 4U, 5U, 6U, 7U, 11U, 12U, 13U, 15U}) {
          const auto x = random_matrix(rng, rows, in);
          Matrix<float> y(rows, out);
          layer.apply(x.view(), y.view());
          expect_product(w, bias, x.view(), y.view());
        }
      }
  });
}

TEST(PackedLinear, EqualsTheDefinitionAtManyRows) {
  Rng rng(2);
  for (const std::size_t in : {1U, 17U, 64U, 100U})
    for (const std::size_t out : {1U, 48U, 65U, 130U}) {
      const auto w = random_matrix(rng, out, in);
      const PackedLinear layer(w.view(), {});
      for (const std::size_t rows : {0U, 16U, 17U, 63U, 64U, 100U, 256U, 257U, 600U}) {
        const auto x = random_matrix(rng, rows, in);
        Matrix<float> y(rows, out);
        layer.apply(x.view(), y.view());
        expect_product(w, {}, x.view(), y.view());
      }
    }
}

TEST(PackedLinear, StridedRowsAreReadAndWrittenInPlace) {
  Rng rng(3);
  const auto w = random_matrix(rng, 33, 20);
  const auto bias = random_vector(rng, 33);
  const PackedLinear layer(w.view(), bias);
  const auto x = random_matrix(rng, 40, 31);
  Matrix<float> y(40, 50);
  const MatrixView<const float> narrow_x(x.values().data() + 4, 40, 20, 31);
  const MatrixView<float> narrow_y(y.values().data() + 7, 40, 33, 50);
  layer.apply(narrow_x, narrow_y);
  expect_product(w, bias, narrow_x, narrow_y);
  for (std::size_t r = 0; r < 40; ++r) {
    EXPECT_EQ(y(r, 6), 0.0F);  // before and behind the written columns
    EXPECT_EQ(y(r, 40), 0.0F);
  }
}

TEST(PackedLinear, ManyThreadsGetTheSameBits) {
  Rng rng(4);
  const auto w = random_matrix(rng, 96, 48);
  const PackedLinear layer(w.view(), {});
  const auto x = random_matrix(rng, 300, 48);
  const PackedLinear alone(w.view(), {});
  Matrix<float> expected(300, 96);
  alone.apply(x.view(), expected.view());
  std::vector<Matrix<float>> results(4, Matrix<float>(300, 96));
  {
    std::vector<std::jthread> threads;  // the first calls race to build the primitives
    for (auto& y : results) threads.emplace_back([&] { layer.apply(x.view(), y.view()); });
  }
  for (const auto& y : results) EXPECT_EQ(y.values(), expected.values());
}

TEST(PackedLinear, WrongSizesAreOurBug) {
  Matrix<float> w(2, 3), x(1, 4), y(1, 2);
  const std::vector<float> bias(3);
  EXPECT_THROW(PackedLinear(w.view(), bias), InternalError);
  EXPECT_THROW(PackedLinear(MatrixView<const float>{}, {}), InternalError);
  const PackedLinear layer(w.view(), {});
  EXPECT_THROW(layer.apply(x.view(), y.view()), InternalError);
  EXPECT_THROW(PackedLinear().apply(x.view(), y.view()), InternalError);
}

}  // namespace
}  // namespace penchant::kernels
