#include "penchant/learn/named_tensor.h"

namespace penchant::learn {

Result<NamedTensor> named_tensor(const std::string& name, const artifact::TensorView& view) {
  if (view.dtype != artifact::DType::f32) return Error{ErrorCode::corrupt, "model.safetensors: " + name + " is not of type F32"};
  const auto* values = reinterpret_cast<const float*>(view.bytes.data());
  return NamedTensor{name, view.shape, {values, values + view.bytes.size() / sizeof(float)}};
}

}  // namespace penchant::learn
