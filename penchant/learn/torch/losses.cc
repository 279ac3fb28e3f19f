#include "penchant/learn/torch/losses.h"

#include <algorithm>

namespace penchant::learn {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

namespace {

struct ChunkedSoftmax : torch::autograd::Function<ChunkedSoftmax> {
  static Tensor forward(AutogradContext* ctx, const Tensor& users, const Tensor& items, const Tensor& bias,
                        const Tensor& targets, const Tensor& weights, double smoothing, std::int64_t chunk) {
    const std::int64_t p = users.size(0), n = items.size(0);
    const double share = p > 0 ? 1.0 / static_cast<double>(p) : 0;
    const bool learn = users.requires_grad() || items.requires_grad() || bias.requires_grad();
    Tensor d_users = learn ? torch::empty_like(users) : Tensor();
    Tensor d_items = learn ? torch::zeros_like(items) : Tensor();
    Tensor d_bias = learn ? torch::zeros_like(bias) : Tensor();
    Tensor total = torch::zeros({}, users.options());
    const Tensor items_t = items.t();
    Tensor buffer = torch::empty({std::min(chunk, p), n}, users.options());
    for (std::int64_t at = 0; at < p; at += chunk) {
      const std::int64_t rows = std::min(chunk, p - at);
      const Tensor u = users.narrow(0, at, rows), t = targets.narrow(0, at, rows);
      const Tensor w = weights.narrow(0, at, rows).to(users.dtype());
      Tensor logits = buffer.narrow(0, 0, rows);
      torch::addmm_out(logits, bias, u, items_t);
      const Tensor picked = (logits.gather(1, t) * w).sum(1);
      const Tensor mean = smoothing > 0 ? logits.mean(1) : Tensor();
      // Softmax in place: logits become probabilities.
      const Tensor top = logits.amax(1, true);
      logits.sub_(top).exp_();
      const Tensor sum = logits.sum(1, true);
      const Tensor log_sum = (sum.log() + top).squeeze(1);
      Tensor loss = log_sum - (1 - smoothing) * picked;
      if (smoothing > 0) loss = loss - smoothing * mean;
      total += loss.sum() * share;
      if (!learn) continue;
      logits.mul_(share / sum);
      logits.scatter_add_(1, t, w * (-(1 - smoothing) * share));
      if (smoothing > 0) logits.sub_(smoothing * share / static_cast<double>(n));
      Tensor d_u = d_users.narrow(0, at, rows);
      torch::mm_out(d_u, logits, items);
      d_items.addmm_(logits.t(), u);
      d_bias.add_(logits.sum(0));
    }
    if (learn) ctx->save_for_backward({d_users, d_items, d_bias});
    return total;
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const Tensor& g = grads[0];
    return {saved[0] * g, saved[1] * g, saved[2] * g, Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

}  // namespace

Tensor dense_loss(const Tensor& users, const Tensor& items, const Tensor& bias, const Tensor& targets,
                  const Tensor& weights, const DenseLossOptions& options) {
  return ChunkedSoftmax::apply(users.contiguous(), items.contiguous(), bias, targets, weights,
                               options.label_smoothing, options.chunk);
}

Tensor code_loss(const std::vector<Tensor>& logits, const Tensor& codes, double label_smoothing) {
  Tensor total;
  for (std::size_t l = 0; l < logits.size(); ++l) {
    const Tensor part = torch::nn::functional::cross_entropy(
        logits[l], codes.select(1, static_cast<std::int64_t>(l)),
        torch::nn::functional::CrossEntropyFuncOptions().label_smoothing(label_smoothing));
    total = total.defined() ? total + part : part;
  }
  return total;
}

}  // namespace penchant::learn
