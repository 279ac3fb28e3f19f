#include "penchant/learn/click/cross_network.h"

#include <algorithm>

namespace penchant::learn {
namespace {

using semantic_id::MlpTrainer;

MlpTrainer dense(std::size_t inputs, std::size_t outputs, Rng& rng) {
  const std::size_t widths[] = {inputs, outputs};
  return {widths, rng};
}

MlpTrainer deep_part(std::size_t inputs, std::span<const std::size_t> hidden, Rng& rng) {
  std::vector<std::size_t> widths{inputs};
  widths.insert(widths.end(), hidden.begin(), hidden.end());
  widths.push_back(1);
  return {widths, rng};
}

Matrix<float> copy_of(MatrixView<const float> from) {
  Matrix<float> out(from.rows(), from.cols());
  for (std::size_t r = 0; r < from.rows(); ++r) std::ranges::copy(from.row(r), out.row(r).begin());
  return out;
}

}  // namespace

CrossNetwork::CrossNetwork(std::size_t inputs, std::size_t cross_layers, std::span<const std::size_t> hidden, Rng& rng)
    : head_(dense(inputs, 1, rng)), deep_(deep_part(inputs, hidden, rng)) {
  for (std::size_t k = 0; k < cross_layers; ++k) cross_.push_back(dense(inputs, inputs, rng));
}

std::vector<float> CrossNetwork::forward(MatrixView<const float> x, Executor& executor) {
  x0_ = x;
  values_.clear();
  Matrix<float> at = copy_of(x);
  for (auto& layer : cross_) {
    values_.push_back(copy_of(layer.forward(at.view(), executor)));
    const auto& product = values_.back();
    for (std::size_t r = 0; r < at.rows(); ++r)
      for (std::size_t c = 0; c < at.cols(); ++c) at(r, c) += x(r, c) * product(r, c);
  }
  const auto crossed = head_.forward(at.view(), executor);
  const auto deep = deep_.forward(x, executor);
  std::vector<float> out(x.rows());
  for (std::size_t r = 0; r < out.size(); ++r) out[r] = crossed(r, 0) + deep(r, 0);
  return out;
}

Matrix<float> CrossNetwork::backward(std::span<const float> gradient, Executor& executor) {
  const MatrixView<const float> out(gradient.data(), gradient.size(), 1);
  Matrix<float> to_x0 = deep_.backward(out, executor);
  Matrix<float> at = head_.backward(out, executor);  // at x_{k+1}
  Matrix<float> inner(at.rows(), at.cols());
  for (std::size_t k = cross_.size(); k-- > 0;) {
    for (std::size_t r = 0; r < at.rows(); ++r)
      for (std::size_t c = 0; c < at.cols(); ++c) {
        to_x0(r, c) += at(r, c) * values_[k](r, c);
        inner(r, c) = at(r, c) * x0_(r, c);
      }
    const Matrix<float> through = cross_[k].backward(inner.view(), executor);
    for (std::size_t i = 0; i < at.values().size(); ++i) at.values()[i] += through.values()[i];
  }
  for (std::size_t i = 0; i < at.values().size(); ++i) to_x0.values()[i] += at.values()[i];
  return to_x0;
}

void CrossNetwork::step(const kernels::AdamW& how, Executor& executor) {
  for (auto& layer : cross_) layer.step(how, executor);
  head_.step(how, executor);
  deep_.step(how, executor);
}

}  // namespace penchant::learn
