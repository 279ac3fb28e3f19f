#include "penchant/nn/weights.h"

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "penchant/kernels/vectors.h"

namespace penchant::nn {
namespace {

Error corrupt(std::string message) { return {ErrorCode::corrupt, std::move(message)}; }

Error not_finite(const std::string& name) {
  return corrupt("tensor \"" + name + "\" holds a value that is not finite; train again");
}

/// Whatever the reader says of a tensor, the release is corrupt and the tensor has a name.
Error as_corrupt(Error error, const std::string& name) {
  error.code = ErrorCode::corrupt;
  if (error.message.find(name) == std::string::npos)
    return std::move(error).within("tensor \"" + name + "\"");
  return error;
}

}  // namespace

Status check_shape(const artifact::ModelShape& shape) {
  struct Field {
    std::string_view name;
    std::uint32_t value, low, high;
  };
  const std::array fields{Field{"dim", shape.dim, 2, 8192},
                          Field{"layers", shape.layers, 1, 256},
                          Field{"heads", shape.heads, 1, 256},
                          Field{"ffn", shape.ffn, 1, 1U << 16},
                          Field{"max_len", shape.max_len, 1, 1U << 16},
                          Field{"depth_layers", shape.depth_layers, 1, 64},
                          Field{"levels", shape.levels, 1, 16},
                          Field{"codebook", shape.codebook, 1, 1U << 16},
                          Field{"gaps", shape.gaps, 1, 1U << 16},
                          Field{"actions", shape.actions, 1, 1U << 16}};
  for (const auto& field : fields)
    if (field.value < field.low || field.value > field.high)
      return corrupt("model." + std::string(field.name) + " is " + std::to_string(field.value) +
                     ", must be between " + std::to_string(field.low) + " and " + std::to_string(field.high));
  if (shape.dim % shape.heads != 0 || shape.dim / shape.heads % 2 != 0)
    return corrupt("model.heads " + std::to_string(shape.heads) + " does not split model.dim " +
                   std::to_string(shape.dim) + " into heads of even size");
  return {};
}

Result<Matrix<float>> read_table(const artifact::SafeTensors& tensors, const std::string& name,
                                 std::size_t rows, std::size_t cols) {
  auto found = tensors.matrix_f32(name, rows, cols);
  if (!found.ok()) return as_corrupt(std::move(found).error(), name);
  const MatrixView<const float> view = found.value();
  std::vector<float> values;
  values.reserve(rows * cols);
  for (std::size_t r = 0; r < rows; ++r) {
    const auto row = view.row(r);
    if (!kernels::all_finite(row)) return not_finite(name);
    values.insert(values.end(), row.begin(), row.end());
  }
  return Matrix<float>(std::move(values), rows, cols);
}

Result<std::vector<float>> read_vector(const artifact::SafeTensors& tensors, const std::string& name,
                                       std::size_t size) {
  auto found = tensors.vector_f32(name, size);
  if (!found.ok()) return as_corrupt(std::move(found).error(), name);
  const std::span<const float> values = found.value();
  if (!kernels::all_finite(values)) return not_finite(name);
  return std::vector<float>(values.begin(), values.end());
}

Result<kernels::PackedLinear> read_linear(const artifact::SafeTensors& tensors, const std::string& prefix,
                                          std::size_t out, std::size_t in) {
  PENCHANT_TRY(weight, read_table(tensors, prefix + ".weight", out, in));
  PENCHANT_TRY(bias, read_vector(tensors, prefix + ".bias", out));
  return kernels::PackedLinear(weight.view(), bias);
}

Result<Norm> read_norm(const artifact::SafeTensors& tensors, const std::string& prefix, std::size_t dim) {
  PENCHANT_TRY(scale, read_vector(tensors, prefix + ".weight", dim));
  PENCHANT_TRY(shift, read_vector(tensors, prefix + ".bias", dim));
  return Norm{std::move(scale), std::move(shift)};
}

}  // namespace penchant::nn
