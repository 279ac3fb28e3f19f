#include <benchmark/benchmark.h>

#include "penchant/nn/random_network_testing.h"
#include "penchant/nn/sequence_model.h"

namespace penchant::nn {
namespace {

/// The small preset: d 256, 4 layers, 3 levels of 256 codes.
artifact::ModelShape preset_small(std::uint32_t longest = 256) {
  auto s = testing::small_shape();
  s.dim = 256;
  s.layers = 4;
  s.heads = 8;
  s.ffn = 1024;
  s.max_len = longest;
  s.codebook = 256;
  s.gaps = 32;
  return s;
}

std::vector<EventInput> history(std::span<const float> vector, std::size_t n) {
  return std::vector<EventInput>(n, EventInput{vector, 1, 2});
}

/// Bytes of keys and values that a cached user takes.
double bytes_of(const UserState& user) {
  double bytes = 0;
  for (const auto* cache : {&user.keys, &user.values})
    for (const auto& layer : *cache) bytes += static_cast<double>(layer.size() * sizeof(float));
  return bytes;
}

void prefill(benchmark::State& state) {
  const auto s = preset_small(8192);
  const auto model = SequenceModel::load(testing::stored(testing::random_tensors(s, 1)), s).value();
  const std::vector<float> vector(s.dim, 0.1F);
  const auto events = history(vector, static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    UserState user;
    benchmark::DoNotOptimize(model->append(user, events).ok());
    state.counters["bytes"] = bytes_of(user);
  }
}
BENCHMARK(prefill)->Arg(1)->Arg(50)->Arg(200)->Arg(1000)->Arg(5000)->Unit(benchmark::kMicrosecond);

void one_more_event(benchmark::State& state) {
  const auto s = preset_small(8192);
  const auto model = SequenceModel::load(testing::stored(testing::random_tensors(s, 1)), s).value();
  const std::vector<float> vector(s.dim, 0.1F);
  UserState user;
  model->append(user, history(vector, static_cast<std::size_t>(state.range(0)))).value();
  const auto event = history(vector, 1);
  for (auto _ : state) {
    state.PauseTiming();
    UserState branch = user;
    for (auto* cache : {&branch.keys, &branch.values})
      for (auto& layer : *cache) layer.reserve(layer.size() + s.dim);
    state.ResumeTiming();
    benchmark::DoNotOptimize(model->append(branch, event).ok());
  }
}
BENCHMARK(one_more_event)->Arg(50)->Arg(200)->Arg(1000)->Arg(5000)->Unit(benchmark::kMicrosecond);

void decode_beams(benchmark::State& state) {
  const auto s = preset_small();
  const auto decoder = DepthDecoder::load(testing::stored(testing::random_tensors(s, 1)), s).value();
  const auto beams = static_cast<std::size_t>(state.range(0));
  const std::vector<float> hidden(s.dim, 0.1F);
  const std::vector<std::uint32_t> zero(beams, 0);
  const std::vector<std::uint16_t> codes(beams, 3);
  for (auto _ : state) {
    DepthDecoder::Cache cache;
    (void)decoder->start(hidden, cache);
    for (std::uint32_t l = 1; l < s.levels; ++l)
      benchmark::DoNotOptimize(decoder->next(zero, codes, cache).values().data());
  }
}
BENCHMARK(decode_beams)->Arg(10)->Arg(50)->Arg(100)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace penchant::nn
