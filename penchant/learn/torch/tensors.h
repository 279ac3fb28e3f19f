#pragma once
/// \file Between plain vectors and tensors; everything is copied. Private to penchant/learn/torch.
#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <vector>

#include "penchant/base/matrix_view.h"
#include "penchant/learn/trainer.h"

namespace penchant::learn {

[[nodiscard]] torch::Tensor tensor_of(const std::vector<float>& values);               ///< f32 [n]
[[nodiscard]] torch::Tensor tensor_of(const std::vector<std::int64_t>& values);        ///< i64 [n]
[[nodiscard]] torch::Tensor tensor_of(const Matrix<float>& values);                    ///< f32 [rows, cols]
[[nodiscard]] torch::Tensor tensor_of(const Matrix<std::uint16_t>& values);            ///< i64 [rows, cols]
/// The memory of a contiguous f32 [rows, cols]; the one thing here that is not copied.
[[nodiscard]] MatrixView<float> view_of(const torch::Tensor& t);

[[nodiscard]] NamedTensor named(const std::string& name, const torch::Tensor& value);
/// Doubles of a tensor of two dimensions (one dimension: one row).
[[nodiscard]] Matrix<double> matrix_of(const torch::Tensor& value);

}  // namespace penchant::learn
