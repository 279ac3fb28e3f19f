#pragma once
/// \file Eigenvectors of a small dense symmetric matrix. Layer 1.
#include <vector>

#include "penchant/base/matrix_view.h"

namespace penchant::kernels {

struct Eigen {
  std::vector<double> values;  ///< [n], in no order
  Matrix<double> vectors;      ///< [n, n], row k belongs to values[k]; orthonormal
};

/// Householder tridiagonalisation, then QL with implicit shifts (Golub, Van Loan, section 8.3). O(n^3),
/// one thread. \param a [n, n] symmetric and finite; both triangles are read
[[nodiscard]] Eigen symmetric_eigen(Matrix<double> a);

}  // namespace penchant::kernels
