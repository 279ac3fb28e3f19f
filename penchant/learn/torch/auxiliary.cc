#include "penchant/learn/torch/auxiliary.h"

#include <cmath>

#include "penchant/learn/torch/tensors.h"

namespace penchant::learn {

using torch::Tensor;

AuxiliaryHeads::Head AuxiliaryHeads::head(const char* name, double weight, std::int64_t outputs, std::int64_t dim) {
  Head h;
  if (weight <= 0 || outputs == 0) return h;
  const double bound = 1 / std::sqrt(static_cast<double>(dim));
  h.weight = weight;
  h.linear.weight = torch::empty({outputs, dim}).uniform_(-bound, bound).set_requires_grad(true);
  h.linear.bias = torch::zeros({outputs}).set_requires_grad(true);
  weights_.push_back({std::string("auxiliary.") + name + ".weight", h.linear.weight, true});
  weights_.push_back({std::string("auxiliary.") + name + ".bias", h.linear.bias, false});
  return h;
}

AuxiliaryHeads::AuxiliaryHeads(const TrainingData& data, const TrainOptions& options)
    : action_(head("action", options.next_action, static_cast<std::int64_t>(data.actions.size()), options.dim)),
      gap_(head("gap", options.next_gap, options.gaps, options.dim)),
      attributes_(head("attributes", options.next_attributes, data.attribute_values, options.dim)) {
  if (attributes_.weight <= 0) return;
  attributes_of_ = torch::zeros({data.items, data.attribute_values});
  auto at = attributes_of_.accessor<float, 2>();
  for (std::uint32_t i = 0; i < data.items; ++i)
    for (const std::uint32_t value : data.attributes[i]) at[i][value] = 1.0F / static_cast<float>(data.attributes[i].size());
}

Tensor AuxiliaryHeads::loss(const Tensor& states, const Batch& batch) const {
  Tensor total;
  const auto add = [&](const Head& head, const auto& cross_entropy) {
    if (head.weight <= 0) return;
    const Tensor part = head.weight * cross_entropy(head.linear(states));
    total = total.defined() ? total + part : part;
  };
  add(action_, [&](const Tensor& logits) { return torch::nn::functional::cross_entropy(logits, tensor_of(batch.next_actions)); });
  add(gap_, [&](const Tensor& logits) { return torch::nn::functional::cross_entropy(logits, tensor_of(batch.next_gaps)); });
  add(attributes_, [&](const Tensor& logits) {
    const Tensor next = tensor_of(batch.targets).view({states.size(0), -1}).select(1, 0);
    return -(torch::log_softmax(logits, 1) * attributes_of_.index_select(0, next)).sum(1).mean();
  });
  return total;
}

std::vector<float> counted_strengths(const TrainingData& data, double engagement) {
  std::vector<double> counted;
  for (const float s : data.strengths) counted.push_back(std::pow(static_cast<double>(s), engagement));
  double sum = 0, targets = 0;
  for (std::size_t e = 0; e < data.train.events(); ++e)
    if (data.train.is_target[e] != 0) sum += counted[data.train.actions[e]], targets += 1;
  std::vector<float> out;
  for (const double c : counted) out.push_back(static_cast<float>(c * targets / sum));
  return out;
}

}  // namespace penchant::learn
