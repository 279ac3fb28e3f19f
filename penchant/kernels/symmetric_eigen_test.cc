#include "penchant/kernels/symmetric_eigen.h"

#include <gtest/gtest.h>

#include "penchant/base/random_matrix_testing.h"

namespace penchant::kernels {
namespace {

TEST(SymmetricEigen, RebuildsTheMatrixFromOrthonormalVectors) {
  for (const std::size_t n : {1, 2, 3, 5, 16, 63, 130}) {
    const auto half = random_matrix(n, n, n);
    Matrix<double> a(n, n);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) a(i, j) = static_cast<double>(half(i, j)) + half(j, i);
    const Eigen eigen = symmetric_eigen(a);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) {
        double rebuilt = 0, product = 0;
        for (std::size_t k = 0; k < n; ++k) {
          rebuilt += eigen.values[k] * eigen.vectors(k, i) * eigen.vectors(k, j);
          product += eigen.vectors(i, k) * eigen.vectors(j, k);
        }
        EXPECT_NEAR(rebuilt, a(i, j), 1e-11 * static_cast<double>(n + 1));
        EXPECT_NEAR(product, i == j ? 1 : 0, 1e-12 * static_cast<double>(n + 1));
      }
  }
}

TEST(SymmetricEigen, TakesMatricesThatAreDiagonalOrZero) {
  Matrix<double> zero(4, 4), diagonal(4, 4);
  for (std::size_t i = 0; i < 4; ++i) diagonal(i, i) = static_cast<double>(i % 2);
  for (const double value : symmetric_eigen(zero).values) EXPECT_EQ(value, 0);
  const auto eigen = symmetric_eigen(diagonal);
  EXPECT_EQ(eigen.values, (std::vector<double>{0, 1, 0, 1}));
}

}  // namespace
}  // namespace penchant::kernels
