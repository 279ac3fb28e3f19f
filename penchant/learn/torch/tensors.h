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
/// i64 [rows, cols] of rows * cols values.
[[nodiscard]] torch::Tensor grid_of(const std::vector<std::int64_t>& values, std::size_t rows, std::size_t cols);

[[nodiscard]] NamedTensor named(const std::string& name, const torch::Tensor& value);
/// Doubles of a tensor of two dimensions (one dimension: one row).
[[nodiscard]] Matrix<double> matrix_of(const torch::Tensor& value);

}  // namespace penchant::learn
