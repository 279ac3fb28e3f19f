#include <benchmark/benchmark.h>

#include <vector>

#include "penchant/base/rng.h"
#include "penchant/kernels/linear.h"
#include "penchant/kernels/panels.h"

namespace penchant::kernels {
namespace {

Matrix<float> random_matrix(std::size_t rows, std::size_t cols) {
  Rng rng(1);
  Matrix<float> m(rows, cols);
  for (auto& v : m.values()) v = static_cast<float>(rng.uniform() - 0.5);
  return m;
}

/// Arguments: rows, inputs, outputs. Counter: floating-point operations a second.
void linear(benchmark::State& state) {
  const auto rows = static_cast<std::size_t>(state.range(0));
  const auto in = static_cast<std::size_t>(state.range(1));
  const auto out = static_cast<std::size_t>(state.range(2));
  const PackedLinear layer(random_matrix(out, in).view(), std::vector<float>(out));
  const auto x = random_matrix(rows, in);
  Matrix<float> y(rows, out);
  for (auto _ : state) {
    layer.apply(x.view(), y.view());
    benchmark::DoNotOptimize(y.values().data());
  }
  state.SetLabel(layer.engine_name());
  state.counters["flops"] =
      benchmark::Counter(2.0 * static_cast<double>(rows * in * out) * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate);
}
BENCHMARK(linear)
    ->ArgsProduct({{1, 4, 15, 16, 64, 256, 300}, {384}, {384, 1536}})
    ->ArgsProduct({{1, 50, 200}, {256}, {768, 1024}})
    ->Args({256, 1536, 384});

}  // namespace
}  // namespace penchant::kernels
