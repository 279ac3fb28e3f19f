#include "penchant/learn/torch/sampled_losses.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace penchant::learn {
namespace {

using torch::Tensor;

TrainOptions options_for(Loss loss, std::uint32_t negatives) {
  TrainOptions o;
  o.architecture.loss = loss;
  o.negatives = negatives;
  return o;
}

TEST(NegativeSampler, DrawsInProportionToAPowerOfTheCounts) {
  torch::manual_seed(1);
  const NegativeSampler sampler({1, 4, 16, 0}, 0.5);
  const Tensor drawn = torch::bincount(sampler.draw(100, 1000).view({-1}), {}, 4).to(torch::kFloat64) / 1e5;
  const double expected[] = {1 / 8.0, 2 / 8.0, 4 / 8.0, 1 / 8.0};
  for (int i = 0; i < 4; ++i) {
    EXPECT_NEAR(drawn[i].item<double>(), expected[i], 0.008) << i;  // five standard deviations
    EXPECT_NEAR(sampler.log_probability()[i].item<double>(), std::log(expected[i]), 1e-5);
  }
}

/// With every item drawn very often, the corrected sampled softmax is the full one.
TEST(SampledSoftmax, TendsToTheFullSoftmaxUnderAnySampling) {
  torch::manual_seed(2);
  const Tensor users = torch::randn({6, 4}), items = torch::randn({5, 4}), targets = torch::randint(5, {6}, torch::kInt64);
  const double full = torch::nn::functional::cross_entropy(torch::mm(users, items.t()), targets).item<double>();
  for (const double power : {0.0, 1.0}) {
    const NegativeSampler sampler({1, 9, 2, 5, 3}, power);
    const double sampled =
        sampled_loss(users, items, {}, targets, sampler, options_for(Loss::sampled_softmax, 60000)).item<double>();
    EXPECT_NEAR(sampled, full, 0.02) << power;
  }
}

TEST(BinaryLosses, EqualTheirFormulas) {
  torch::manual_seed(3);
  const Tensor users = torch::randn({3, 4}), items = torch::randn({2, 4});
  const Tensor targets = torch::tensor({0, 1, 0}, torch::kInt64);
  const NegativeSampler sampler({1, 1}, 0);
  // Two items: a negative is either the target, which does not count, or the other item.
  const auto softplus = [](double x) { return std::log1p(std::exp(-std::abs(x))) + std::max(x, 0.0); };
  const Tensor logits = torch::mm(users, items.t());
  const double loss = sampled_loss(users, items, {}, targets, sampler, options_for(Loss::bce, 1)).item<double>();
  double least = 0, most = 0;
  for (int r = 0; r < 3; ++r) {
    const auto t = targets[r].item<std::int64_t>();
    const double positive = softplus(-logits[r][t].item<double>()), negative = softplus(logits[r][1 - t].item<double>());
    least += positive / 2 / 3;
    most += (positive + negative) / 2 / 3;
  }
  EXPECT_GE(loss, least - 1e-6);
  EXPECT_LE(loss, most + 1e-6);
}

TEST(GeneralisedBce, IsPlainBceAtCalibrationZeroAndNearlyPositiveFreeAtOne) {
  torch::manual_seed(4);
  const Tensor users = torch::randn({8, 4}), items = torch::randn({1000, 4}), targets = torch::arange(8, torch::kInt64);
  const NegativeSampler sampler(std::vector<std::int32_t>(1000, 1), 0);
  const auto loss = [&](Loss which, double t) {
    torch::manual_seed(5);
    TrainOptions o = options_for(which, 10);
    o.calibration = t;
    return sampled_loss(users, items, {}, targets, sampler, o).item<double>();
  };
  // beta = rate (t (1 - 1/rate) + 1/rate): 1 at t = 0, the sampling rate (0.01) at t = 1.
  const double plain = loss(Loss::gbce, 0), calibrated = loss(Loss::gbce, 1);
  const double positive = torch::softplus(-(users * items.narrow(0, 0, 8)).sum(1)).mean().item<double>() / 11;
  EXPECT_NEAR(plain - calibrated, positive * (1 - 10.0 / 999), 1e-5);
}

TEST(StartingBias, IsWhereALossThatKnowsNothingIsLeast) {
  const std::int64_t items = 2000;
  const Tensor users = torch::zeros({64, 4}), vectors = torch::zeros({items, 4}), targets = torch::arange(64, torch::kInt64);
  const NegativeSampler sampler(std::vector<std::int32_t>(items, 1), 0);
  for (const Loss which : {Loss::bce, Loss::gbce})
    for (const std::uint32_t negatives : {1U, 50U}) {
      const TrainOptions o = options_for(which, negatives);
      const auto at = [&](double bias) {
        torch::manual_seed(7);
        return sampled_loss(users, vectors, torch::full({items}, bias), targets, sampler, o).item<double>();
      };
      const double start = starting_bias(o, items);
      EXPECT_LT(at(start), at(start - 0.5)) << negatives;
      EXPECT_LT(at(start), at(start + 0.5)) << negatives;
    }
  EXPECT_EQ(starting_bias(options_for(Loss::sampled_softmax, 50), items), 0);
}

TEST(AllSampledLosses, FallWhenTheTargetScoresHigher) {
  const Tensor items = 3 * torch::eye(50), targets = torch::arange(20, torch::kInt64);
  const NegativeSampler sampler(std::vector<std::int32_t>(50, 1), 0);
  for (const Loss which : {Loss::sampled_softmax, Loss::bce, Loss::gbce, Loss::bpr_max}) {
    const auto at = [&](double pull) {
      torch::manual_seed(6);
      const Tensor users = pull * items.narrow(0, 0, 20);
      TrainOptions o = options_for(which, 16);
      o.score_penalty = 0;
      return sampled_loss(users, items, {}, targets, sampler, o).item<double>();
    };
    EXPECT_LT(at(0.5), at(0.0)) << static_cast<int>(which);
    EXPECT_LT(at(0.0), at(-0.5)) << static_cast<int>(which);
  }
}

}  // namespace
}  // namespace penchant::learn
