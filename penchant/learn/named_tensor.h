#pragma once
/// \file One weight of a network, under the name that a release gives it. Layer 5.
#include <cstdint>
#include <string>
#include <vector>

#include "penchant/artifact/safetensors.h"
#include "penchant/base/result.h"

namespace penchant::learn {

/// One weight under its name in model.safetensors (docs/formats/release.md).
struct NamedTensor {
  std::string name;
  std::vector<std::uint64_t> shape;
  std::vector<float> values;  ///< row-major
};

/// A copy of a tensor of model.safetensors. \return corrupt, naming it, where it is not of type F32
Result<NamedTensor> named_tensor(const std::string& name, const artifact::TensorView& view);

}  // namespace penchant::learn
