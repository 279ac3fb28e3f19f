#include "penchant/learn/torch/dropout.h"

#include <limits>

#include "penchant/kernels/dropout.h"

namespace penchant::learn {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

Tensor dropped(const Tensor& x, double p, std::int64_t seed) {
  const Tensor in = x.contiguous(), out = torch::empty_like(in);
  const auto n = static_cast<std::size_t>(in.numel());
  kernels::dropout({in.data_ptr<float>(), n}, kernels::DropoutKey::of(p, static_cast<std::uint64_t>(seed)), {out.data_ptr<float>(), n});
  return out;
}

struct Dropout : torch::autograd::Function<Dropout> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, double p) {
    const std::int64_t seed = drawn_seed();
    ctx->saved_data["p"] = p;
    ctx->saved_data["seed"] = seed;
    return dropped(x, p, seed);
  }
  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    return {dropped(grads[0], ctx->saved_data["p"].toDouble(), ctx->saved_data["seed"].toInt()), Tensor()};
  }
};

}  // namespace

std::int64_t drawn_seed() {
  return torch::empty({1}, torch::kInt64)
      .random_(std::numeric_limits<std::int64_t>::min(), std::optional<std::int64_t>())
      .item<std::int64_t>();
}

Tensor drop(const Tensor& x, double p, bool training) { return training && p > 0 ? Dropout::apply(x, p) : x; }

}  // namespace penchant::learn
