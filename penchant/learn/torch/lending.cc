#include "penchant/learn/torch/lending.h"

#include "penchant/kernels/vectors.h"

namespace penchant::learn {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

Tensor product(const Lending::Rows& m, const Tensor& vectors, Executor& executor) {
  const Tensor in = vectors.contiguous(), out = torch::zeros_like(in);
  const auto d = static_cast<std::size_t>(in.size(1));
  const auto sum = [&]<class T>(T* to, const T* from) {
    executor.parallel_for(m.offsets.size() - 1, 256, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i)
        for (std::uint64_t e = m.offsets[i]; e < m.offsets[i + 1]; ++e) {
          if constexpr (std::is_same_v<T, float>) {
            kernels::add_scaled({to + i * d, d}, m.weights[e], {from + m.columns[e] * d, d});
          } else {
            for (std::size_t k = 0; k < d; ++k) to[i * d + k] += static_cast<T>(m.weights[e]) * from[m.columns[e] * d + k];
          }
        }
    });
  };
  if (in.scalar_type() == torch::kFloat32) sum(out.data_ptr<float>(), in.data_ptr<float>());
  else sum(out.data_ptr<double>(), in.data_ptr<double>());
  return out;
}

struct Lent : torch::autograd::Function<Lent> {
  static Tensor forward(AutogradContext* ctx, const Tensor& vectors, const Lending* lending, Executor* executor) {
    ctx->saved_data["lending"] = static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(lending));
    ctx->saved_data["executor"] = static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(executor));
    return product(lending->forward(), vectors, *executor);
  }
  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto* lending = reinterpret_cast<const Lending*>(static_cast<std::intptr_t>(ctx->saved_data["lending"].toInt()));
    auto* executor = reinterpret_cast<Executor*>(static_cast<std::intptr_t>(ctx->saved_data["executor"].toInt()));
    return {product(lending->backward(), grads[0], *executor), Tensor(), Tensor()};
  }
};

}  // namespace

Lending::Lending(const retrieve::LenderTable& lenders) {
  const std::size_t n = lenders.items();
  std::vector<std::uint64_t> next(n + 1, 0);
  for (std::size_t i = 0; i < n; ++i) {
    const auto rows = lenders.rows(i);
    const auto weights = lenders.weights(i);
    forward_.columns.insert(forward_.columns.end(), rows.begin(), rows.end());
    forward_.weights.insert(forward_.weights.end(), weights.begin(), weights.end());
    forward_.offsets.push_back(forward_.columns.size());
    for (const std::uint32_t row : rows) ++next[row + 1];
  }
  for (std::size_t i = 0; i < n; ++i) next[i + 1] += next[i];
  backward_.offsets = next;
  backward_.columns.resize(forward_.columns.size());
  backward_.weights.resize(forward_.columns.size());
  for (std::uint32_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k < lenders.rows(i).size(); ++k) {
      const std::uint64_t at = next[lenders.rows(i)[k]]++;
      backward_.columns[at] = i;
      backward_.weights[at] = lenders.weights(i)[k];
    }
}

Tensor lent(const Lending& lending, const Tensor& vectors, Executor& executor) {
  return Lent::apply(vectors, &lending, &executor);
}

}  // namespace penchant::learn
