#include "penchant/learn/torch/losses.h"

#include "penchant/kernels/softmax_loss.h"
#include "penchant/learn/torch/tensors.h"

namespace penchant::learn {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

namespace {

template <class T>
std::span<T> span_of(const Tensor& t) {
  return {t.data_ptr<std::remove_const_t<T>>(), static_cast<std::size_t>(t.numel())};
}

/// kernels::softmax_loss as a function with a gradient.
struct CatalogueSoftmax : torch::autograd::Function<CatalogueSoftmax> {
  static Tensor forward(AutogradContext* ctx, const Tensor& users, const Tensor& items, const Tensor& bias,
                        const Tensor& targets, const Tensor& weights, double smoothing, Executor* executor) {
    const bool has_bias = bias.numel() > 0;
    const bool learn = users.requires_grad() || items.requires_grad() || (has_bias && bias.requires_grad());
    const Tensor d_users = learn ? torch::empty_like(users) : Tensor();
    const Tensor d_items = learn ? torch::empty_like(items) : Tensor();
    const Tensor d_bias = torch::empty_like(bias);
    const kernels::SoftmaxLossInput input{view_of(users), view_of(items),
                                          has_bias ? span_of<const float>(bias) : std::span<const float>(),
                                          span_of<const std::int64_t>(targets), span_of<const float>(weights), smoothing};
    kernels::SoftmaxLossGradients gradients;
    if (learn) {
      gradients.users = view_of(d_users);
      gradients.items = view_of(d_items);
      if (has_bias) gradients.bias = span_of<float>(d_bias);
    }
    const double loss = kernels::softmax_loss(input, gradients, kernels::fastest_precision(), *executor);
    if (learn) ctx->save_for_backward({d_users, d_items, d_bias});
    return torch::full({}, loss, users.options());
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const Tensor& g = grads[0];
    return {saved[0] * g, saved[1] * g, saved[2].numel() > 0 ? saved[2] * g : Tensor(), Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

}  // namespace

Tensor dense_loss(const Tensor& users, const Tensor& items, const Tensor& bias, const Tensor& targets,
                  const Tensor& weights, double label_smoothing, Executor& executor) {
  if (users.scalar_type() == torch::kFloat32)
    return CatalogueSoftmax::apply(users.contiguous(), items.contiguous(),
                                   bias.defined() ? bias : torch::empty({0}), targets.contiguous(),
                                   weights.contiguous(), label_smoothing, &executor);
  // Other precisions serve gradient checks: the definition, with all logits.
  Tensor logits = torch::mm(users, items.t());
  if (bias.defined()) logits = logits + bias;
  const Tensor log_p = torch::log_softmax(logits, 1);
  const Tensor picked = (log_p.gather(1, targets) * weights).sum(1);
  return -((1 - label_smoothing) * picked + label_smoothing * weights.sum(1) * log_p.mean(1)).mean();
}

Tensor generator_loss(const std::vector<Tensor>& logits, const Tensor& look, const CodeSteps& steps) {
  Tensor total;
  for (std::size_t l = 0; l < logits.size(); ++l) {
    const Tensor log_p = torch::log_softmax(logits[l] + look.select(0, static_cast<std::int64_t>(l)) * steps.ahead[l] + steps.never[l], 1);
    const Tensor& p = steps.wanted[l];
    const Tensor part = (p * (p.clamp_min(1e-30).log() - log_p)).sum(1).mean();
    total = total.defined() ? total + part : part;
  }
  return total;
}

}  // namespace penchant::learn
