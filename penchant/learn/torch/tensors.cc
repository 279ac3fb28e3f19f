#include "penchant/learn/torch/tensors.h"

#include <cstring>

namespace penchant::learn {
namespace {

using torch::Tensor;

template <class T>
Tensor copied(const std::vector<T>& values, torch::Dtype dtype, std::vector<std::int64_t> shape) {
  Tensor t = torch::empty(shape, dtype);
  if (!values.empty()) std::memcpy(t.data_ptr(), values.data(), values.size() * sizeof(T));
  return t;
}

std::int64_t length(std::size_t n) { return static_cast<std::int64_t>(n); }

}  // namespace

Tensor tensor_of(const std::vector<float>& values) { return copied(values, torch::kFloat32, {length(values.size())}); }
Tensor tensor_of(const std::vector<std::int64_t>& values) { return copied(values, torch::kInt64, {length(values.size())}); }
Tensor tensor_of(const Matrix<float>& m) {
  return copied(m.values(), torch::kFloat32, {length(m.rows()), length(m.cols())});
}
Tensor tensor_of(const Matrix<std::uint16_t>& m) {
  const std::vector<std::int64_t> wide(m.values().begin(), m.values().end());
  return copied(wide, torch::kInt64, {length(m.rows()), length(m.cols())});
}
MatrixView<float> view_of(const Tensor& t) {
  return {t.data_ptr<float>(), static_cast<std::size_t>(t.size(0)), static_cast<std::size_t>(t.size(1))};
}

NamedTensor named(const std::string& name, const Tensor& value) {
  const Tensor flat = value.detach().to(torch::kFloat32).contiguous();
  NamedTensor out{name, {}, std::vector<float>(static_cast<std::size_t>(flat.numel()))};
  for (const std::int64_t size : flat.sizes()) out.shape.push_back(static_cast<std::uint64_t>(size));
  if (!out.values.empty()) std::memcpy(out.values.data(), flat.data_ptr<float>(), out.values.size() * sizeof(float));
  return out;
}

Matrix<double> matrix_of(const Tensor& value) {
  const Tensor t = (value.dim() == 1 ? value.unsqueeze(0) : value).detach().to(torch::kFloat64).contiguous();
  const auto rows = static_cast<std::size_t>(t.size(0)), cols = static_cast<std::size_t>(t.size(1));
  const double* data = t.data_ptr<double>();
  return {std::vector<double>(data, data + rows * cols), rows, cols};
}

}  // namespace penchant::learn
