#include "penchant/semantic_id/learned/mlp_trainer.h"

#include <cmath>

#include "penchant/semantic_id/learned/products.h"

namespace penchant::semantic_id {
namespace {

std::vector<DenseLayer> zeros_like(const std::vector<DenseLayer>& layers) {
  std::vector<DenseLayer> out;
  for (const auto& layer : layers)
    out.push_back({Matrix<float>(layer.weight.rows(), layer.weight.cols()),
                   std::vector<float>(layer.bias.size(), 0.0F)});
  return out;
}

}  // namespace

MlpTrainer::MlpTrainer(std::span<const std::size_t> widths, Rng& rng) {
  PENCHANT_CHECK(widths.size() >= 2, "inputs and outputs");
  for (std::size_t k = 0; k + 1 < widths.size(); ++k) {
    DenseLayer layer{Matrix<float>(widths[k + 1], widths[k]), std::vector<float>(widths[k + 1], 0.0F)};
    const double bound = std::sqrt(6.0 / static_cast<double>(widths[k] + widths[k + 1]));
    for (auto& w : layer.weight.values()) w = static_cast<float>((2 * rng.uniform() - 1) * bound);
    layers_.push_back(std::move(layer));
  }
  gradients_ = zeros_like(layers_);
  mean_ = zeros_like(layers_);
  square_ = zeros_like(layers_);
  values_.resize(layers_.size() + 1);
}

MatrixView<const float> MlpTrainer::forward(MatrixView<const float> x, Executor& executor) {
  values_[0] = Matrix<float>(x.rows(), x.cols());
  for (std::size_t r = 0; r < x.rows(); ++r) std::ranges::copy(x.row(r), values_[0].row(r).begin());
  for (std::size_t k = 0; k < layers_.size(); ++k) {
    values_[k + 1] =
        multiply_transposed(values_[k].view(), layers_[k].weight.view(), layers_[k].bias, executor);
    if (k + 1 < layers_.size())
      for (float& v : values_[k + 1].values()) v = std::max(v, 0.0F);
  }
  return std::as_const(values_.back()).view();
}

Matrix<float> MlpTrainer::backward(MatrixView<const float> gradient, Executor& executor, bool want_input) {
  Matrix<float> at(gradient.rows(), gradient.cols());
  for (std::size_t r = 0; r < at.rows(); ++r) std::ranges::copy(gradient.row(r), at.row(r).begin());
  for (std::size_t k = layers_.size(); k-- > 0;) {
    if (k + 1 < layers_.size()) {
      const auto& y = values_[k + 1].values();
      for (std::size_t i = 0; i < y.size(); ++i)
        if (!(y[i] > 0)) at.values()[i] = 0;
    }
    const Matrix<float> columns = transposed(values_[k].view());
    gradients_[k].weight = multiply_transposed(transposed(at.view()).view(), columns.view(), {}, executor);
    auto& bias = gradients_[k].bias;
    std::ranges::fill(bias, 0.0F);
    for (std::size_t r = 0; r < at.rows(); ++r)
      for (std::size_t o = 0; o < bias.size(); ++o) bias[o] += at(r, o);
    if (k == 0 && !want_input) return {};
    at = multiply_transposed(at.view(), transposed(layers_[k].weight.view()).view(), {}, executor);
  }
  return at;
}

void MlpTrainer::step(const kernels::AdamW& how, Executor& executor) {
  ++steps_;
  kernels::AdamW undecayed = how;
  undecayed.weight_decay = 0;
  for (std::size_t k = 0; k < layers_.size(); ++k) {
    kernels::adamw_step(layers_[k].weight.values(), gradients_[k].weight.values(), mean_[k].weight.values(),
                        square_[k].weight.values(), how, steps_, 1, executor);
    kernels::adamw_step(layers_[k].bias, gradients_[k].bias, mean_[k].bias, square_[k].bias, undecayed, steps_, 1, executor);
  }
}

}  // namespace penchant::semantic_id
