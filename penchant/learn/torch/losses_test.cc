#include "penchant/learn/torch/losses.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "penchant/learn/torch/dropout.h"
#include "penchant/learn/torch/network.h"

namespace penchant::learn {
namespace {

using torch::Tensor;

struct Problem {
  Tensor users, items, bias, targets, weights;
};

Problem random_problem(std::int64_t p, std::int64_t n, std::int64_t d, std::int64_t k, std::uint64_t seed) {
  torch::manual_seed(seed);
  const auto f64 = torch::TensorOptions().dtype(torch::kFloat64);
  Problem x{torch::randn({p, d}, f64), torch::randn({n, d}, f64), torch::randn({n}, f64),
            torch::randint(n, {p, k}, torch::kInt64), torch::rand({p, k}, f64)};
  x.weights = x.weights / x.weights.sum(1, true);
  for (Tensor* t : {&x.users, &x.items, &x.bias}) t->set_requires_grad(true);
  return x;
}

/// The loss written down plainly.
Tensor plain_loss(const Problem& x, double smoothing) {
  const Tensor logp = torch::log_softmax(torch::mm(x.users, x.items.t()) + x.bias, 1);
  const Tensor picked = (logp.gather(1, x.targets) * x.weights).sum(1);
  return -((1 - smoothing) * picked + smoothing * logp.mean(1)).mean();
}

Problem in_float(const Problem& x) {
  Problem y = x;
  for (auto [from, to] : {std::pair{&x.users, &y.users}, {&x.items, &y.items}, {&x.bias, &y.bias}})
    *to = from->detach().to(torch::kFloat32).set_requires_grad(true);
  y.weights = x.weights.to(torch::kFloat32);
  return y;
}

TEST(DenseLoss, CarriesTheGradientsOfTheKernelThroughLibTorch) {
  Executor executor(2);
  for (const double smoothing : {0.0, 0.1})
    for (const std::int64_t ahead : {1, 3}) {
      Problem x = random_problem(150, 1100, 16, ahead, 3), y = in_float(x);
      const Tensor expected = plain_loss(x, smoothing) * 3;
      const Tensor got = dense_loss(y.users, y.items, y.bias, y.targets, y.weights, smoothing, executor) * 3;
      expected.backward();
      got.backward();
      EXPECT_NEAR(got.item<double>(), expected.item<double>(), 2e-3 * expected.item<double>());
      for (auto [e, g] : {std::pair{&x.users, &y.users}, {&x.items, &y.items}, {&x.bias, &y.bias}}) {
        const double size = e->grad().abs().max().item<double>();  // bfloat16 where the CPU has it
        EXPECT_LT((e->grad() - g->grad().to(torch::kFloat64)).abs().max().item<double>(), 0.02 * size);
      }
    }
}

artifact::ModelShape small_shape() {
  artifact::ModelShape s;
  s.items = 9, s.dim = 8, s.layers = 2, s.heads = 2, s.ffn = 12, s.max_len = 6, s.depth_layers = 1;
  s.levels = 3, s.codebook = 4, s.gaps = 5, s.actions = 3, s.logit_scale = 10, s.normalised = true;
  return s;
}

/// Every item may lend but the first, which no event was seen of.
retrieve::LenderTable lenders_by(const Tensor& vectors) {
  const auto n = static_cast<std::size_t>(vectors.size(0)), d = static_cast<std::size_t>(vectors.size(1));
  retrieve::VectorTable content(d, true);
  content.assign({vectors.data_ptr<float>(), n, d});
  std::vector<std::uint8_t> untrained(n, 0);
  untrained[0] = 1;
  std::vector<std::uint32_t> rows(n);
  std::iota(rows.begin(), rows.end(), 0U);
  retrieve::LenderTable lenders;
  lenders.find(content, untrained, rows);
  return lenders;
}

Network small_network(const artifact::ModelShape& shape) {
  static Executor executor(1);
  torch::manual_seed(5);
  const Tensor codes = torch::randint(shape.codebook, {shape.items, shape.levels}, torch::kInt64);
  const Tensor text = torch::randn({shape.items, 7});
  Network net(shape, {}, {{"text", text}}, codes, torch::arange(shape.items).to(torch::kFloat32), executor, 0, 0, torch::kFloat64);
  net.borrow_from(lenders_by(text));
  return net;
}

/// The last layers of the generator start at zero, which hides the rest of it.
void say_something(const Network& net) {
  torch::NoGradGuard no_grad;
  for (const auto& w : net.weights())
    if (w.name.starts_with("depth.out.") && w.name.ends_with(".weight")) w.value.detach().normal_(0, 0.3);
}

/// Random steps among four codes, of which the last does not follow.
CodeSteps random_steps(std::int64_t rows, std::size_t levels, torch::Dtype dtype) {
  CodeSteps steps;
  for (std::size_t l = 0; l < levels; ++l) {
    Tensor never = torch::zeros({rows, 4}, dtype), wanted = torch::softmax(torch::randn({rows, 4}, dtype), 1);
    never.select(1, 3).fill_(-1e30);
    wanted.select(1, 3).zero_();
    steps.ahead.push_back(torch::randn({rows, 4}, dtype));
    steps.never.push_back(never);
    steps.wanted.push_back(wanted / wanted.sum(1, true));
  }
  return steps;
}

TEST(GeneratorLoss, IsTheDivergenceFromTheDenseHead) {
  torch::manual_seed(2);
  const auto steps = random_steps(5, 2, torch::kFloat64);
  const Tensor look = torch::tensor({0.5, 2.0}, torch::kFloat64);
  std::vector<Tensor> logits{torch::randn({5, 4}, torch::kFloat64), torch::randn({5, 4}, torch::kFloat64)};
  double expected = 0;
  for (std::size_t l = 0; l < 2; ++l)
    for (std::int64_t r = 0; r < 5; ++r) {
      double whole = 0;
      const auto score = [&](std::int64_t c) {
        return std::exp((logits[l][r][c] + look[static_cast<std::int64_t>(l)] * steps.ahead[l][r][c]).item<double>());
      };
      for (std::int64_t c = 0; c < 3; ++c) whole += score(c);
      for (std::int64_t c = 0; c < 3; ++c) {
        const double p = steps.wanted[l][r][c].item<double>();
        expected += p * std::log(p * whole / score(c)) / 5;
      }
    }
  EXPECT_NEAR(generator_loss(logits, look, steps).item<double>(), expected, 1e-12);
  for (std::size_t l = 0; l < 2; ++l) logits[l] = steps.wanted[l].clamp_min(1e-300).log() - look[static_cast<std::int64_t>(l)] * steps.ahead[l];
  EXPECT_NEAR(generator_loss(logits, look, steps).item<double>(), 0, 1e-12) << "a generator that agrees has nothing to learn";
}

TEST(CodeLogits, AreOfOneDistributionOverAllPaths) {
  const auto shape = small_shape();
  const Network net = small_network(shape);
  torch::NoGradGuard no_grad;
  say_something(net);
  const Tensor h = torch::randn({2, shape.dim}, torch::kFloat64);
  // All 4^3 paths of one state: probabilities sum to 1.
  for (std::int64_t row = 0; row < 2; ++row) {
    double sum = 0;
    for (std::int64_t path = 0; path < 64; ++path) {
      const Tensor c = torch::tensor({{path / 16, path / 4 % 4, path % 4}}, torch::kInt64);
      const auto logits = net.code_logits(h.narrow(0, row, 1), c);
      double logp = 0;
      for (std::int64_t l = 0; l < 3; ++l)
        logp += torch::log_softmax(logits[static_cast<std::size_t>(l)], 1)[0][c[0][l].item<std::int64_t>()].item<double>();
      sum += std::exp(logp);
    }
    EXPECT_NEAR(sum, 1, 1e-9);
  }
}

TEST(Network, StatesDependOnlyOnEarlierEvents) {
  const auto shape = small_shape();
  const Network net = small_network(shape);
  torch::NoGradGuard no_grad;
  const Tensor items = torch::randint(shape.items, {6}, torch::kInt64), zero = torch::zeros({6}, torch::kInt64);
  const auto first = [&](std::int64_t n) {
    return EventTensors{items.narrow(0, 0, n), zero.narrow(0, 0, n), zero.narrow(0, 0, n), torch::tensor({std::int64_t{0}, n}, torch::kInt64)};
  };
  const Tensor vectors = net.item_vectors();
  const Tensor whole = net.states(vectors, first(6)), part = net.states(vectors, first(4));
  EXPECT_TRUE(torch::allclose(whole.narrow(0, 0, 4), part, 1e-10, 1e-12));
}

TEST(Network, ANewItemIsItsContentAndTheIdsOfItsLenders) {
  const auto shape = small_shape();
  Network net = small_network(shape);
  torch::NoGradGuard no_grad;
  Tensor ids;
  for (const auto& w : net.weights())
    if (w.name == "item.id") ids = w.value;
  const Tensor text = torch::randn({shape.items, 7});
  const auto lenders = lenders_by(text);
  net.borrow_from(lenders);
  net.set_age(4);
  const Tensor vectors = net.item_vectors(), content = net.content_vectors();
  for (std::uint32_t i = 0; i < shape.items; ++i) {
    Tensor lent_to = torch::zeros({shape.dim}, torch::kFloat64);
    for (std::size_t k = 0; k < lenders.rows(i).size(); ++k) lent_to += lenders.weights(i)[k] * ids[lenders.rows(i)[k]];
    const double own = i / (i + 4.0);  // item i has i events
    EXPECT_TRUE(torch::allclose(vectors[i], own * ids[i] + (1 - own) * lent_to + content[i], 1e-6, 1e-7)) << i;
  }
}

TEST(Lent, IsTheSparseProductWithItsGradient) {
  const Tensor content = torch::randn({50, 5});
  const Lending lending(lenders_by(content));
  Tensor matrix = torch::zeros({50, 50});
  const auto& rows = lending.forward();
  for (std::size_t i = 0; i < 50; ++i)
    for (auto e = rows.offsets[i]; e < rows.offsets[i + 1]; ++e) matrix[static_cast<std::int64_t>(i)][rows.columns[e]] = rows.weights[e];
  Executor executor(2);
  const Tensor a = torch::randn({50, 12}).requires_grad_(), b = a.detach().clone().requires_grad_(), weight = torch::randn({50, 12});
  const Tensor ours = lent(lending, a, executor), plain = torch::mm(matrix, b);
  EXPECT_TRUE(torch::allclose(ours, plain, 1e-5, 1e-6));
  (ours * weight).sum().backward();
  (plain * weight).sum().backward();
  EXPECT_TRUE(torch::allclose(a.grad(), b.grad(), 1e-5, 1e-6));
}

TEST(Network, GradientsAgreeWithFiniteDifferences) {
  const auto shape = small_shape();
  const Network net = small_network(shape);
  const Tensor items = torch::randint(shape.items, {10}, torch::kInt64), act = torch::randint(3, {10}, torch::kInt64);
  const Tensor gap = torch::randint(5, {10}, torch::kInt64), offsets = torch::tensor({0, 4, 10}, torch::kInt64);
  const Tensor next = torch::randint(shape.items, {10, 1}, torch::kInt64);
  Executor executor(1);
  const auto steps = random_steps(10, shape.levels, torch::kFloat64);
  say_something(net);
  const auto loss = [&] {
    const Tensor vectors = net.item_vectors();
    const Tensor h = net.states(vectors, {items, act, gap, offsets});
    const Tensor codes = net.codes().index_select(0, next.select(1, 0));
    return dense_loss(net.dense_users(h), net.dense_items(vectors), net.bias(), next, torch::ones({10, 1}, torch::kFloat64), 0, executor) +
           generator_loss(net.code_logits(h, codes), net.look(), steps);
  };
  loss().backward();
  torch::NoGradGuard no_grad;
  constexpr double kStep = 1e-5;
  for (const auto& w : net.weights()) {
    ASSERT_TRUE(w.value.grad().defined()) << w.name;
    Tensor flat = w.value.detach().view({-1});
    const Tensor grad = w.value.grad().reshape({-1});
    for (const std::int64_t at : {std::int64_t{0}, flat.numel() / 2, flat.numel() - 1}) {
      const double value = flat[at].item<double>();
      flat[at] = value + kStep;
      const double up = loss().item<double>();
      flat[at] = value - kStep;
      const double down = loss().item<double>();
      flat[at] = value;
      // Truncation: step^2 / 6 times the third derivative, which the small embeddings before a layer
      // norm drive to some 1e4 times the first.
      const double g = grad[at].item<double>();
      EXPECT_NEAR(g, (up - down) / (2 * kStep), 2e-6 * (1 + std::abs(g))) << w.name << "[" << at << "]";
    }
  }
}

TEST(Drop, KeepsTheMeanAndTheRate) {
  torch::manual_seed(1);
  const Tensor x = torch::ones({1000, 100});
  const Tensor y = drop(x, 0.3, true);
  const double rate = y.eq(0).to(torch::kFloat32).mean().item<double>();
  EXPECT_NEAR(rate, 0.3, 0.01);  // six standard deviations of 1e5 draws
  EXPECT_NEAR(y.mean().item<double>(), 1, 0.01);
  EXPECT_TRUE(torch::equal(drop(x, 0.3, false), x));
}

}  // namespace
}  // namespace penchant::learn
