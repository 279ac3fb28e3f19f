/// \file Network::start_from: the inverse of Network::exported.
#include <cmath>
#include <span>

#include "penchant/learn/torch/network.h"

namespace penchant::learn {
namespace {

using torch::Tensor;

Tensor tensor_in(const NamedTensor& stored) {
  std::vector<std::int64_t> sizes(stored.shape.begin(), stored.shape.end());
  return torch::from_blob(const_cast<float*>(stored.values.data()), sizes, torch::kFloat32);  // lives through the call alone
}

std::string text_of(torch::IntArrayRef sizes) {
  std::string text;
  for (const std::int64_t n : sizes) text += (text.empty() ? "" : ", ") + std::to_string(n);
  return "[" + text + "]";
}

}  // namespace

Status Network::start_from(const StartWeights& start) {
  torch::NoGradGuard no_grad;
  const auto stored = [&](const std::string& name, const Tensor& like) -> Result<Tensor> {
    for (const NamedTensor& t : start.tensors) {
      if (t.name != name) continue;
      const Tensor found = tensor_in(t);
      if (found.sizes() == like.sizes()) return found.to(dtype_);
      return invalid("release \"" + start.from.release + "\": " + name + " is " + text_of(found.sizes()) + ", this training needs " +
                     text_of(like.sizes()) + ": leave out the setting that changes it, or train without --warm-start");
    }
    return invalid("release \"" + start.from.release + "\" has no tensor " + name +
                   ": it was made by another version or with other settings; train without --warm-start");
  };
  const double scale = export_scale();
  for (const Weight& w : weights_) {
    const Tensor into = w.value.detach();
    if (w.name == "logit_scale") {
      into.fill_(std::log(start.logit_scale));
      continue;
    }
    if (w.name.starts_with("item.modality.")) continue;  // below
    PENCHANT_TRY(value, stored(w.name, into));
    if (w.name == "layer.mix") {
      into.copy_(value.log());
      continue;
    }
    if (w.name == "item.age") {
      if (log_age_.requires_grad()) into.copy_(value.log());
      continue;
    }
    const bool scaled = (w.name.starts_with("item.") && w.name != "item.bias") || w.name.starts_with("event.");
    into.copy_(scaled ? value / scale : value);
  }
  for (ModalityInput& m : modalities_) {
    // What was exported reads x; what is trained reads (x - mean) / s of today's items.
    const std::string name = "item.modality." + m.name;
    PENCHANT_TRY(weight, stored(name + ".weight", m.projection.weight));
    PENCHANT_TRY(bias, stored(name + ".bias", m.projection.bias));
    m.projection.weight.detach().copy_(weight * (m.scale / scale));
    m.projection.bias.detach().copy_((bias + torch::mv(weight, m.mean)) / scale);
  }
  return {};
}

}  // namespace penchant::learn
