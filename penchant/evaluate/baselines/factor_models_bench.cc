// Fit time and quality of EASE^R and iALS on one sequence set, for bench/peers/factor_models.py.
//
// Data: $PENCHANT_TEST_DATA/$PENCHANT_BENCH_SET (amazon-beauty by default). Fitted on the training part of
// leave-last-out; a history includes the validation event. Counters: recall and NDCG at 10, seen items
// kept and removed, full ranking, pessimistic ties. Settings from $PENCHANT_BENCH_EASE and
// $PENCHANT_BENCH_IALS ("name=value name=value"); threads from $PENCHANT_BENCH_THREADS (1),
// seed from $PENCHANT_BENCH_SEED (1).
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#ifndef PENCHANT_SOURCE_DIR
#define PENCHANT_SOURCE_DIR "."  // started in the source folder, or PENCHANT_TEST_DATA is set
#endif
#include "penchant/evaluate/baselines/registry.h"
#include "penchant/evaluate/split/split.h"
#include "penchant/evaluate/test_logs.h"

namespace penchant::evaluate {
namespace {

std::string named(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : otherwise;
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

const Split& data() {
  static const Split split = [] {
    EventLog log = read_sequences(data_folder().value() / named("PENCHANT_BENCH_SET", "amazon-beauty"));
    log.world_times = false;
    return Split::make(std::move(log), {}).value();
  }();
  return split;
}

void count_hits(const Split& split, const Model& model, Stage stage, benchmark::State& state) {
  constexpr std::size_t kBlock = 64;
  const auto cases = split.cases(stage);
  Matrix<float> out(kBlock, split.log().items());
  double recall[2] = {0, 0}, ndcg[2] = {0, 0};
  for (std::size_t first = 0; first < cases.size(); first += kBlock) {
    std::vector<Query> queries;
    for (const Case& c : cases.subspan(first, std::min(kBlock, cases.size() - first)))
      queries.push_back({split.history(c), c.user, c.at_ms, first + queries.size()});
    model.score(queries, out.view().rows_from(0, queries.size())).value();
    for (std::size_t q = 0; q < queries.size(); ++q) {
      const auto row = out.row(q);
      const std::uint32_t target = cases[first + q].target;
      for (const std::size_t removed : {0, 1}) {
        if (removed == 1)
          for (const auto& event : queries[q].history)
            if (event.item != target) row[event.item] = -std::numeric_limits<float>::infinity();
        const auto rank = std::ranges::count_if(row, [&](float s) { return s >= row[target]; });
        if (rank > 10 || !std::isfinite(row[target])) continue;
        recall[removed] += 1 / static_cast<double>(cases.size());
        ndcg[removed] += 1 / std::log2(1.0 + static_cast<double>(rank)) / static_cast<double>(cases.size());
      }
    }
  }
  const std::string prefix = stage == Stage::test ? "test_" : "validation_";
  state.counters[prefix + "recall10_kept"] = recall[0];
  state.counters[prefix + "ndcg10_kept"] = ndcg[0];
  state.counters[prefix + "recall10_removed"] = recall[1];
  state.counters[prefix + "ndcg10_removed"] = ndcg[1];
}

void fit(benchmark::State& state, const char* model_name, const char* settings) {
  const Split& split = data();
  const TrainingData training = split.training();
  Executor executor(std::stoul(named("PENCHANT_BENCH_THREADS", "1")));
  auto made = make_baseline(model_name, words_of(named(settings, "")));
  if (!made.ok()) return state.SkipWithError(made.error().message.c_str());
  const FitInput input{
      .training = training, .validation = {}, .content = {}, .seed = std::stoull(named("PENCHANT_BENCH_SEED", "1"))};
  for (auto _ : state)
    if (auto status = (*made)->fit(input, executor, {}); !status.ok())
      return state.SkipWithError(status.error().message.c_str());
  count_hits(split, **made, Stage::validation, state);
  count_hits(split, **made, Stage::test, state);
}
BENCHMARK_CAPTURE(fit, ease, "ease", "PENCHANT_BENCH_EASE")
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Iterations(1)
    ->Unit(benchmark::kSecond);
BENCHMARK_CAPTURE(fit, ials, "ials", "PENCHANT_BENCH_IALS")
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Iterations(1)
    ->Unit(benchmark::kSecond);

}  // namespace
}  // namespace penchant::evaluate
