/// k-means assignment, training of all levels, and the collision policy on clustered unit vectors.
#include <benchmark/benchmark.h>

#include <cmath>

#include "penchant/base/rng.h"
#include "penchant/semantic_id/collisions.h"
#include "penchant/semantic_id/residual_kmeans.h"

namespace penchant::semantic_id {
namespace {

Matrix<float> topical(std::size_t n, std::size_t dim) {
  Rng rng(1);
  const std::size_t topics = 200;
  Matrix<float> centres(topics, dim), rows(n, dim);
  for (auto& v : centres.values()) v = static_cast<float>(rng.uniform() - 0.5);
  for (std::size_t i = 0; i < n; ++i) {
    const double u = rng.uniform();  // skewed topic sizes
    const auto centre = centres.row(static_cast<std::size_t>(u * u * topics));
    double square = 0;
    for (std::size_t j = 0; j < dim; ++j) {
      rows(i, j) = centre[j] + static_cast<float>(rng.uniform() - 0.5);
      square += double(rows(i, j)) * rows(i, j);
    }
    for (auto& v : rows.row(i)) v /= static_cast<float>(std::sqrt(square));
  }
  return rows;
}

/// n, dim, K: one assignment of all rows, one thread
void nearest(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0)), dim = static_cast<std::size_t>(state.range(1)),
             k = static_cast<std::size_t>(state.range(2));
  const auto rows = topical(n, dim), words = topical(k, dim);
  const CodewordTable table(words.view());
  Executor executor(1);
  std::vector<std::uint32_t> codes(n);
  std::vector<float> distances(n);
  for (auto _ : state) table.nearest(rows.view(), codes, distances, executor);
  state.counters["GFLOP/s"] =
      benchmark::Counter(2e-9 * static_cast<double>(n * dim * k) * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate);
}
BENCHMARK(nearest)
    ->Unit(benchmark::kMillisecond)
    ->Args({20000, 128, 256})
    ->Args({20000, 384, 1024})
    ->Args({1682, 384, 32});

/// n, dim: K as chosen, three levels, policy; two threads
void whole(benchmark::State& state) {
  const auto rows =
      topical(static_cast<std::size_t>(state.range(0)), static_cast<std::size_t>(state.range(1)));
  Executor executor(2);
  for (auto _ : state) {
    const auto fit = train_residual_kmeans(rows.view(), {}, executor).value();
    const auto out = resolve_collisions(fit.codebooks, rows.view(), fit.codes.view(), executor).value();
    state.counters["shared_before"] = static_cast<double>(out.shared_before);
    state.counters["shared"] = static_cast<double>(out.shared);
    state.counters["left_over"] = fit.level_error.back();
  }
}
BENCHMARK(whole)
    ->Unit(benchmark::kMillisecond)
    ->Args({1682, 384})
    ->Args({12101, 384})
    ->Args({100000, 128})
    ->Iterations(1);

}  // namespace
}  // namespace penchant::semantic_id
