#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>

#include "penchant/text/encoder.h"
#include "penchant/text/tokens.h"

namespace penchant::text {
namespace {

std::string folder() {
  if (const char* given = std::getenv("PENCHANT_ENCODER_DIR")) return given;
  const char* home = std::getenv("HOME");
  return std::string(home == nullptr ? "" : home) + "/.cache/penchant/encoders/all-minilm-l6-v2";
}

/// Arguments: words of a text. One thread. Counter: texts a second.
void encode(benchmark::State& state) {
  auto encoder = SentenceEncoder::load(folder());
  if (!encoder.ok()) return state.SkipWithError(encoder.error().message.c_str());
  std::string text = "Toy";
  for (int i = 1; i < state.range(0); ++i) text += i % 2 == 0 ? " film" : " story";
  const std::vector<std::string> texts(64, text);
  Executor executor(1);
  for (auto _ : state) benchmark::DoNotOptimize((*encoder)->encode(texts, executor)->values().data());
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(texts.size()));
}
BENCHMARK(encode)->Arg(2)->Arg(8)->Arg(16)->Arg(64)->Unit(benchmark::kMillisecond);

void load(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(SentenceEncoder::load(folder()).ok());
}
BENCHMARK(load)->Unit(benchmark::kMillisecond);

void search(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(search_tokens("Cité des enfants perdus, La (City of Lost Children) (1995)"));
}
BENCHMARK(search);

}  // namespace
}  // namespace penchant::text
