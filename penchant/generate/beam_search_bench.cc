/// Beam search with a random-weight decoder: items / codebook / dim / beam, with and without a
/// filter. Counters: recall@10 against exhaustive scoring.
#include <benchmark/benchmark.h>

#include <algorithm>

#include "penchant/generate/beam_search.h"
#include "penchant/generate/random_decoder_test.h"
#include "penchant/generate/random_trie_test.h"

namespace penchant::generate {
namespace {

enum class Filter : std::int64_t { none, items_half, mask_half, items_rare, mask_rare };

artifact::ModelShape shape_of(std::uint32_t codebook, std::uint32_t dim) {
  return {.items = 1,
          .dim = dim,
          .layers = 1,
          .heads = 4,
          .ffn = 4 * dim,
          .max_len = 50,
          .depth_layers = 2,
          .levels = 3,
          .codebook = codebook,
          .actions = 1};
}

const RandomCatalogue& catalogue(std::size_t items, std::uint32_t codebook) {
  static std::map<std::size_t, std::unique_ptr<RandomCatalogue>> made;
  auto& entry = made[items];
  if (!entry) entry = std::make_unique<RandomCatalogue>(1, items, 3, codebook);
  return *entry;
}

/// Gives fixed random log-probabilities: what is left is the work of the search itself.
class TableScorer final : public CodeScorer {
 public:
  TableScorer(std::size_t codebook, std::size_t rows) : table_(rows, codebook) {
    Rng rng(1);
    for (auto& v : table_.values()) v = static_cast<float>(-8 * rng.uniform());
  }
  [[nodiscard]] std::size_t levels() const override { return 3; }
  [[nodiscard]] std::size_t codebook() const override { return table_.cols(); }
  Matrix<float> start() override { return rows(1); }
  Matrix<float> next(std::span<const std::uint32_t> parents, std::span<const std::uint16_t>) override {
    return rows(parents.size());
  }
  [[nodiscard]] std::unique_ptr<CodeScorer> branch() const override {
    return std::make_unique<TableScorer>(*this);
  }

 private:
  [[nodiscard]] Matrix<float> rows(std::size_t n) const {
    return {
        {table_.values().begin(), table_.values().begin() + static_cast<std::ptrdiff_t>(n * table_.cols())},
        n,
        table_.cols()};
  }
  Matrix<float> table_;
};

Bitmap filter_of(const RandomCatalogue& c, Filter filter) {
  Rng rng(3);
  const bool rare = filter == Filter::items_rare || filter == Filter::mask_rare;
  Bitmap allowed(c.id_count());
  for (std::size_t i = 0; i < c.id_count(); ++i)
    if (rng.uniform() < (rare ? 0.002 : 0.5)) allowed.set(i);
  return allowed;
}

template <class Search>
void run(benchmark::State& state, const RandomCatalogue& c, std::size_t beam, Filter filter,
         const Search& search) {
  const auto allowed = filter_of(c, filter);
  const auto nodes = c.trie.mask(allowed);
  BeamOptions options{.beam = beam};
  if (filter != Filter::none) options.allowed = &allowed;
  if (filter == Filter::mask_half || filter == Filter::mask_rare) options.nodes = &nodes;
  for (auto _ : state) benchmark::DoNotOptimize(search(options));
}

/// items, codebook, dim, beam, filter
void decoder_beam(benchmark::State& state) {
  const auto codebook = static_cast<std::uint32_t>(state.range(1)),
             dim = static_cast<std::uint32_t>(state.range(2));
  const auto& c = catalogue(static_cast<std::size_t>(state.range(0)), codebook);
  const RandomGenerator generator(c, shape_of(codebook, dim), 1, 3, 1);
  const auto hidden = random_state(dim, 2);
  const auto beam = static_cast<std::size_t>(state.range(3));
  run(state, c, beam, static_cast<Filter>(state.range(4)), [&](const BeamOptions& options) {
    return beam_search(generator.view(), hidden, options).value().size();
  });
  if (c.items.size() <= 20000 && state.range(4) == 0) {
    const auto scores = exhaustive_scores(generator.view(), hidden, c.id_count()).value();
    auto sorted = scores;
    std::ranges::nth_element(sorted, sorted.begin() + 9, std::greater{});
    const auto found = beam_search(generator.view(), hidden, {.beam = beam, .items = 10}).value();
    double recall = 0;
    for (const auto& f : found) recall += scores[catalog::index(f.item)] >= sorted[9] - 1e-4f;
    state.counters["recall@10"] = recall / 10;
  }
}
BENCHMARK(decoder_beam)
    ->Unit(benchmark::kMicrosecond)
    ->ArgsProduct({{1682}, {32}, {64, 128}, {8, 32, 128, 512}, {0}})
    ->ArgsProduct({{1682}, {32}, {64}, {32}, {1, 2, 3, 4}})
    ->ArgsProduct({{12101}, {128}, {64}, {32, 128}, {0}})
    ->Args({1'000'000, 1024, 64, 32, 0});

/// items, codebook, beam, filter: the search without the decoder
void trie_beam(benchmark::State& state) {
  const auto codebook = static_cast<std::uint32_t>(state.range(1));
  const auto& c = catalogue(static_cast<std::size_t>(state.range(0)), codebook);
  const auto beam = static_cast<std::size_t>(state.range(2));
  TableScorer scorer(codebook, beam);
  run(state, c, beam, static_cast<Filter>(state.range(3)),
      [&](const BeamOptions& options) { return beam_search(scorer, c.trie, options).value().size(); });
}
BENCHMARK(trie_beam)
    ->Unit(benchmark::kMicrosecond)
    ->ArgsProduct({{1682}, {32}, {32}, {0, 1, 2, 3, 4}})
    ->ArgsProduct({{1'000'000}, {1024}, {32, 256}, {0, 1, 2, 3, 4}});

/// items, codebook, dim
void exhaustive(benchmark::State& state) {
  const auto codebook = static_cast<std::uint32_t>(state.range(1)),
             dim = static_cast<std::uint32_t>(state.range(2));
  const auto& c = catalogue(static_cast<std::size_t>(state.range(0)), codebook);
  const RandomGenerator generator(c, shape_of(codebook, dim), 1, 3, 1);
  const auto hidden = random_state(dim, 2);
  for (auto _ : state)
    benchmark::DoNotOptimize(exhaustive_scores(generator.view(), hidden, c.id_count()).value().size());
}
BENCHMARK(exhaustive)->Unit(benchmark::kMillisecond)->Args({1682, 32, 64})->Args({12101, 128, 64});

/// items, codebook: what a new snapshot or a new filter costs
void trie_build(benchmark::State& state) {
  const auto& c =
      catalogue(static_cast<std::size_t>(state.range(0)), static_cast<std::uint32_t>(state.range(1)));
  for (auto _ : state)
    benchmark::DoNotOptimize(
        semantic_id::ItemTrie::build({c.codes.data(), c.items.size(), 3}, c.items, c.codebook)
            .value()
            .nodes());
}
void trie_mask(benchmark::State& state) {
  const auto& c =
      catalogue(static_cast<std::size_t>(state.range(0)), static_cast<std::uint32_t>(state.range(1)));
  const auto allowed = filter_of(c, Filter::mask_half);
  for (auto _ : state) benchmark::DoNotOptimize(c.trie.mask(allowed).size());
}
BENCHMARK(trie_build)->Unit(benchmark::kMillisecond)->Args({1682, 32})->Args({1'000'000, 1024});
BENCHMARK(trie_mask)->Unit(benchmark::kMicrosecond)->Args({1682, 32})->Args({1'000'000, 1024});

}  // namespace
}  // namespace penchant::generate
