#include "penchant/learn/torch/attention.h"

#include <cmath>
#include <limits>
#include <vector>

#include "penchant/kernels/packed_attention.h"
#include "penchant/learn/torch/dropout.h"
#include "penchant/learn/torch/tensors.h"

namespace penchant::learn {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

kernels::PackedAttention described(const Tensor& offsets, const AttentionOptions& o, std::uint64_t seed) {
  kernels::PackedAttention a{{offsets.data_ptr<std::int64_t>(), static_cast<std::size_t>(offsets.numel())},
                             static_cast<std::size_t>(o.heads), o.causal};
  if (o.cosines.defined()) a.cosines = view_of(o.cosines), a.sines = view_of(o.sines);
  a.dropout = o.dropout;
  a.seed = seed;
  return a;
}

std::span<float> sums_of(const Tensor& t) { return {t.data_ptr<float>(), static_cast<std::size_t>(t.numel())}; }

struct PackedAttentionFunction : torch::autograd::Function<PackedAttentionFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& projected, const Tensor& offsets, const AttentionOptions* options,
                        Executor* executor) {
    const Tensor out = torch::empty({projected.size(0), projected.size(1) / 3}, projected.options());
    const Tensor log_sums = torch::empty({projected.size(0) * options->heads}, projected.options());
    const std::int64_t seed = options->dropout > 0 ? drawn_seed() : 0;
    kernels::packed_attention(described(offsets, *options, static_cast<std::uint64_t>(seed)), view_of(projected), view_of(out),
                              sums_of(log_sums), *executor);
    ctx->save_for_backward({projected, offsets, out, log_sums, options->cosines, options->sines});
    ctx->saved_data["heads"] = options->heads;
    ctx->saved_data["causal"] = options->causal;
    ctx->saved_data["dropout"] = options->dropout;
    ctx->saved_data["seed"] = seed;
    ctx->saved_data["executor"] = static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(executor));
    return out;
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const AttentionOptions options{ctx->saved_data["heads"].toInt(), ctx->saved_data["causal"].toBool(), saved[4], saved[5],
                                   ctx->saved_data["dropout"].toDouble()};
    const Tensor d_out = grads[0].contiguous(), d_projected = torch::empty_like(saved[0]);
    auto* executor = reinterpret_cast<Executor*>(static_cast<std::intptr_t>(ctx->saved_data["executor"].toInt()));
    kernels::packed_attention_gradient(described(saved[1], options, static_cast<std::uint64_t>(ctx->saved_data["seed"].toInt())),
                                       view_of(saved[0]), view_of(saved[2]), sums_of(saved[3]), view_of(d_out),
                                       view_of(d_projected), *executor);
    return {d_projected, Tensor(), Tensor(), Tensor()};
  }
};

/// Rotates pairs (j, j + D/2) of [heads, events, D].
Tensor rotated(const Tensor& x, const AttentionOptions& o) {
  if (!o.cosines.defined()) return x;
  const std::int64_t half = x.size(2) / 2;
  const Tensor a = x.narrow(2, 0, half), b = x.narrow(2, half, half);
  const Tensor c = o.cosines.narrow(0, 0, x.size(1)).to(x.dtype()), s = o.sines.narrow(0, 0, x.size(1)).to(x.dtype());
  return torch::cat({a * c - b * s, a * s + b * c}, 2);
}

}  // namespace

Tensor attention(const Tensor& projected, const Tensor& offsets, const AttentionOptions& options, Executor& executor) {
  if (projected.scalar_type() == torch::kFloat32)
    return PackedAttentionFunction::apply(projected.contiguous(), offsets, &options, &executor);
  const std::int64_t d = projected.size(1) / 3, size = d / options.heads;
  const auto* at = offsets.data_ptr<std::int64_t>();
  std::vector<Tensor> parts;
  for (std::int64_t s = 0; s + 1 < offsets.numel(); ++s) {
    const std::int64_t n = at[s + 1] - at[s];
    const Tensor qkv = projected.narrow(0, at[s], n).view({n, 3, options.heads, size}).permute({1, 2, 0, 3});
    Tensor logits = torch::matmul(rotated(qkv[0], options), rotated(qkv[1], options).transpose(1, 2)) / std::sqrt(double(size));
    if (options.causal)
      logits = logits.masked_fill(torch::ones({n, n}, torch::kBool).triu(1), -std::numeric_limits<double>::infinity());
    parts.push_back(torch::matmul(torch::softmax(logits, 2), qkv[2]).transpose(0, 1).reshape({n, d}));
  }
  return torch::cat(parts);
}

}  // namespace penchant::learn
