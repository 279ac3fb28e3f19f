#include "penchant/semantic_id/learned/mlp_trainer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "penchant/base/random_matrix_testing.h"

namespace penchant::semantic_id {
namespace {

constexpr std::size_t kWidths[] = {6, 9, 5, 4};

/// sum (y - target)^2 / 2.
double loss_of(MatrixView<const float> y, const Matrix<float>& target) {
  double loss = 0;
  for (std::size_t r = 0; r < y.rows(); ++r)
    for (std::size_t c = 0; c < y.cols(); ++c) loss += std::pow(double{y(r, c)} - target(r, c), 2) / 2;
  return loss;
}

Matrix<float> gradient_of(MatrixView<const float> y, const Matrix<float>& target) {
  Matrix<float> g(y.rows(), y.cols());
  for (std::size_t r = 0; r < y.rows(); ++r)
    for (std::size_t c = 0; c < y.cols(); ++c) g(r, c) = y(r, c) - target(r, c);
  return g;
}

TEST(MlpTrainer, InputGradientIsTheSlopeOfTheLoss) {
  Executor executor(1);
  Rng rng(1);
  MlpTrainer net(kWidths, rng);
  auto x = random_matrix(30, 6, 2);
  const auto target = random_matrix(30, 4, 3);
  const auto gradient = net.backward(gradient_of(net.forward(x.view(), executor), target).view(), executor);
  for (const auto& [r, c] : {std::pair<std::size_t, std::size_t>{0, 0}, {7, 3}, {29, 5}}) {
    const float before = x(r, c), h = 1e-3F;
    x(r, c) = before + h;
    const double above = loss_of(net.forward(x.view(), executor), target);
    x(r, c) = before - h;
    const double below = loss_of(net.forward(x.view(), executor), target);
    x(r, c) = before;
    EXPECT_NEAR(gradient(r, c), (above - below) / (2 * h), 5e-3);
  }
}

TEST(MlpTrainer, LearnsTheSameBytesOnOneThreadAndTwo) {
  const auto learn = [](std::size_t threads) {
    Executor executor(threads);
    Rng rng(4);
    const std::size_t widths[] = {6, 40, 4};
    MlpTrainer net(widths, rng);
    const auto x = random_matrix(200, 6, 5);
    Matrix<float> target(200, 4);
    for (std::size_t r = 0; r < 200; ++r)
      for (std::size_t c = 0; c < 4; ++c) target(r, c) = x(r, c) * x(r, c + 1) * 4;
    const double first = loss_of(net.forward(x.view(), executor), target);
    for (int step = 0; step < 400; ++step) {
      net.backward(gradient_of(net.forward(x.view(), executor), target).view(), executor);
      net.step({.learning_rate = 1e-2}, executor);
    }
    EXPECT_LT(loss_of(net.forward(x.view(), executor), target), 0.1 * first);
    return net.layers();
  };
  const auto one = learn(1), two = learn(2);
  for (std::size_t k = 0; k < one.size(); ++k) {
    EXPECT_EQ(one[k].weight.values(), two[k].weight.values());
    EXPECT_EQ(one[k].bias, two[k].bias);
  }
}

}  // namespace
}  // namespace penchant::semantic_id
