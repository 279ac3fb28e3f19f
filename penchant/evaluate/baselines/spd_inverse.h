#pragma once
/// \file Inverse of a large symmetric positive definite matrix on all threads. Layer 6.
#include <functional>

#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"

namespace penchant::evaluate {

/// Replaces `a` [n, n] float32, symmetric positive definite, by its inverse, in place.
///
/// Block Gauss-Jordan sweeps over pivot blocks of 512: each step is one symmetric update of rank 512
/// of the lower triangle, n^3 operations in all (Cholesky and inverse by LAPACK count the same), all
/// of them in the matrix product of kernels/. The pivot blocks stay positive definite, so no pivoting
/// is needed. Memory besides `a`: 3 * 512 * n floats. The result has the same bits for any number
/// of threads.
/// \param a the lower triangle is read; both triangles are written. Undefined after an error.
/// \param keep_going called between steps with the share done; false stops. May be empty.
/// \return invalid_argument when a pivot is not positive (a is not positive definite in float32);
/// cancelled
Status invert_spd(MatrixView<float> a, Executor& executor,
                  const std::function<bool(double)>& keep_going = {});

}  // namespace penchant::evaluate
