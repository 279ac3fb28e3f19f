#include "penchant/learn/torch/rounded_linear.h"

namespace penchant::learn {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

struct RoundedLinear : torch::autograd::Function<RoundedLinear> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& weight, const Tensor& bias) {
    ctx->save_for_backward({x});
    return torch::mm(x, weight.to(torch::kBFloat16).t()).to(torch::kFloat32).add_(bias);
  }
  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    return {Tensor(), torch::mm(grads[0].to(torch::kBFloat16).t(), saved[0]).to(torch::kFloat32), grads[0].sum(0)};
  }
};

}  // namespace

Tensor rounded_linear(const Tensor& x, const Tensor& weight, const Tensor& bias) { return RoundedLinear::apply(x, weight, bias); }

}  // namespace penchant::learn
