/// \file Positions per second of the softmax loss with all gradients, d 64, Amazon Beauty's 12,101 items.
#include "penchant/kernels/softmax_loss.h"

#include <benchmark/benchmark.h>

#include <vector>

#include "penchant/base/rng.h"

namespace penchant::kernels {
namespace {

void softmax_loss_of_a_step(benchmark::State& state) {
  constexpr std::size_t kPositions = 4096, kItems = 12101, kDim = 64;
  Rng rng(1);
  Matrix<float> users(kPositions, kDim), items(kItems, kDim), d_users(kPositions, kDim), d_items(kItems, kDim);
  for (auto* m : {&users, &items})
    for (float& v : m->values()) v = static_cast<float>(rng.uniform() - 0.5);
  std::vector<std::int64_t> targets(kPositions);
  for (auto& t : targets) t = static_cast<std::int64_t>(rng.below(kItems));
  const std::vector<float> weights(kPositions, 1.0F);
  Executor executor(static_cast<std::size_t>(state.range(1)));
  const auto precision = state.range(0) == 0 ? Precision::f32 : Precision::bf16;
  for (auto _ : state)
    benchmark::DoNotOptimize(softmax_loss({users.view(), items.view(), {}, targets, weights, 0},
                                          {d_users.view(), d_items.view(), {}}, precision, executor));
  state.counters["us/position"] = benchmark::Counter(static_cast<double>(state.iterations() * kPositions) * 1e-6,
                                                     benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(softmax_loss_of_a_step)->ArgNames({"bf16", "threads"})->Args({0, 1})->Args({1, 1})->Args({1, 2})->UseRealTime();

}  // namespace
}  // namespace penchant::kernels
