#pragma once
/// \file Reading the parts of a network out of safetensors, every tensor checked. Layer 2, inner.
/// Every function returns `corrupt`, naming the tensor, when it is missing, has another type or
/// shape, or holds a value that is not finite. Nothing keeps a view into the file.
#include <cstddef>
#include <string>
#include <vector>

#include "penchant/artifact/manifest.h"
#include "penchant/artifact/safetensors.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"
#include "penchant/kernels/linear.h"
#include "penchant/kernels/rows.h"

namespace penchant::nn {

/// Sizes that make sense together and stay under the caps that loading allocates by;
/// `corrupt`, naming the field, otherwise.
Status check_shape(const artifact::ModelShape& shape);

/// F32 [rows, cols].
Result<Matrix<float>> read_table(const artifact::SafeTensors& tensors, const std::string& name,
                                 std::size_t rows, std::size_t cols);
/// F32 [size].
Result<std::vector<float>> read_vector(const artifact::SafeTensors& tensors, const std::string& name,
                                       std::size_t size);
/// `<prefix>.weight` [out, in] and `<prefix>.bias` [out].
Result<kernels::PackedLinear> read_linear(const artifact::SafeTensors& tensors, const std::string& prefix,
                                          std::size_t out, std::size_t in);

/// Layer norm with its own copy of scale and shift, both [d].
struct Norm {
  std::vector<float> scale, shift;
  [[nodiscard]] kernels::NormWeights view() const { return {scale, shift, 1e-5F}; }
};
/// `<prefix>.weight` and `<prefix>.bias`, both [dim].
Result<Norm> read_norm(const artifact::SafeTensors& tensors, const std::string& prefix, std::size_t dim);

}  // namespace penchant::nn
