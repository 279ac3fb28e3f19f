/// One request at the size of MovieLens 100K (1,682 items, history of 200 events), reasons off.
#include <benchmark/benchmark.h>

#include "penchant/generate/beam_search.h"
#include "penchant/kernels/top_k.h"
#include "penchant/recommend/live_engine.h"
#include "penchant/recommend/release_model.h"
#include "penchant/recommend/test_release.h"

namespace penchant::recommend {
namespace {

/// Made once per process: a random model of the given width and one long history.
struct Fixture {
  TestFolder home;
  Executor executor{1};
  SystemClock clock;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<LiveEngine> engine;
  std::vector<catalog::Item> items;

  explicit Fixture(std::uint32_t dim) {
    TestReleaseOptions options;
    options.genres = 29;
    options.per_genre = 58;
    options.random = true;
    options.dim = dim;
    options.heads = 2;
    options.ffn = 4 * dim;
    options.layers = 2;
    options.max_len = 200;
    options.codebook = 64;
    store = store::open_store(home.path()).value();
    items = test_items(options);
    (void)store->put_items(items).value();
    const auto events = test_events(options, 900, 100);
    (void)store->append_events(events, {}).value();
    const auto longest = test_events(options, 1, 200);
    (void)store->append_events(longest, {}).value();
    write_test_release(home.path(), options, items, events).value();
    store->add_release({options.name, 1, false}).value();
    store->promote(options.name).value();
    EngineOptions engine_options;
    engine_options.home = home.path();
    engine = std::make_unique<LiveEngine>(*store, engine_options, executor, clock);
    engine->open(std::make_unique<WordEncoder>()).value();
  }
  static Fixture& of(std::int64_t dim) {
    static std::map<std::int64_t, std::unique_ptr<Fixture>> made;
    auto& fixture = made[dim];
    if (!fixture) fixture = std::make_unique<Fixture>(static_cast<std::uint32_t>(dim));
    return *fixture;
  }
};

void run(benchmark::State& state, Fixture& fixture, const Request& request) {
  for (auto _ : state) {
    auto response = fixture.engine->recommend(request);
    if (!response.ok()) return state.SkipWithError(response.error().message.c_str());
    benchmark::DoNotOptimize(response.value().items.data());
  }
}

/// Nothing kept between requests: the whole history is read.
void cold_state(benchmark::State& state) {
  auto& fixture = Fixture::of(state.range(0));
  Request request;
  for (const auto& event : fixture.items) {
    if (request.session.size() == 200) break;
    request.session.push_back({event.id, "rating", 4.0, 1'600'000'000'000 + static_cast<std::int64_t>(request.session.size()) * 60'000});
  }
  run(state, fixture, request);
}
/// The same history through the networks alone: read it, score all items by the dense head, keep the
/// 200 best, search the beam. What a request may cost at least; cold_state is to stay within twice this.
void bare_model(benchmark::State& state) {
  auto& fixture = Fixture::of(state.range(0));
  auto release = load_release(fixture.home.path() + "/models/" + TestReleaseOptions{}.name).value();
  Executor executor(1);
  const Paths paths = make_paths(*release.model, release.tables, executor).value();
  std::vector<nn::EventInput> events;
  for (std::size_t i = 0; i < 200; ++i) events.push_back({release.tables.vectors.row(i), 0, 0});
  std::vector<float> logits(release.tables.rows());
  for (auto _ : state) {
    nn::UserState user;
    release.model->sequence->append(user, events).value();
    dense_logits(*release.model, release.tables, user.hidden, logits);
    benchmark::DoNotOptimize(kernels::top_k(logits, 200));
    auto beam = generate::beam_search(generator_of(*release.model, release.tables, paths), user.hidden, {.beam = 32, .items = 200});
    benchmark::DoNotOptimize(beam.ok());
  }
}
/// The usual request: the state of the person is warm.
void warm_state(benchmark::State& state) { run(state, Fixture::of(state.range(0)), {.user = "u0"}); }
void explained(benchmark::State& state) { run(state, Fixture::of(state.range(0)), {.user = "u0", .explain = Explain::brief}); }
void filtered(benchmark::State& state) { run(state, Fixture::of(state.range(0)), {.user = "u0", .filter = "genres = \"Comedy\""}); }
void searched(benchmark::State& state) { run(state, Fixture::of(state.range(0)), {.user = "u0", .query = "western tale"}); }
void opened(benchmark::State& state) {
  auto& fixture = Fixture::of(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(fixture.engine->reload().ok());
}

BENCHMARK(bare_model)->Arg(64)->Arg(128)->Unit(benchmark::kMillisecond);
BENCHMARK(cold_state)->Arg(64)->Arg(128)->Unit(benchmark::kMillisecond);
BENCHMARK(warm_state)->Arg(64)->Arg(128)->Unit(benchmark::kMillisecond);
BENCHMARK(filtered)->Arg(64)->Unit(benchmark::kMillisecond);
BENCHMARK(searched)->Arg(64)->Unit(benchmark::kMillisecond);
BENCHMARK(explained)->Arg(64)->Unit(benchmark::kMillisecond);
BENCHMARK(opened)->Arg(64)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace penchant::recommend
