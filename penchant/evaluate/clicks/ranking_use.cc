#include "penchant/evaluate/clicks/ranking_use.h"

#include <algorithm>
#include <set>

#include "penchant/evaluate/clicks/daily.h"
#include "penchant/evaluate/clicks/examples.h"

namespace penchant::evaluate {
namespace {

constexpr std::uint64_t kNegativeSeed = 1;  // the same outcomes for every variant and seed

/// Everything that the runs share.
struct Prepared {
  Periods periods;
  learn::ClickData data;
  FittedItems items;
};

struct Run {
  std::size_t variant = 0;
  std::uint64_t seed = 1;
  std::vector<float> scores;  ///< of the judged outcomes
  VariantItems items;
  std::size_t table_bytes = 0;
  Status status;
};

void learn_and_judge(const Prepared& shared, const RankingUseOptions& options, Run& run, RunProgress& progress, Executor& executor) {
  learn::ClickOptions how = options.model;
  how.dim = options.items.dim;
  how.seed = run.seed;
  learn::ClickModel model(run.items.inputs(), shared.data.context.cols(), how);
  run.table_bytes = model.table().bytes();
  run.scores.resize(judged_outcomes(shared.periods).size());
  learn_daily(model, shared.data, shared.periods, {.last = shared.periods.size(), .passes = options.passes, .seed = run.seed}, run.scores,
              progress, executor);
}

Status check(const RankingUseOptions& options) {
  if (options.variants.empty()) return invalid("name at least one variant");
  if (options.seeds.empty()) return invalid("name at least one seed");
  if (options.items.dim == 0 || options.items.dim > 1024) return invalid("an item vector has 1 to 1024 numbers");
  if (options.model.batch == 0) return invalid("a step learns from at least one outcome");
  if (options.model.cross_layers > 8) return invalid("there are at most 8 cross layers");
  if (options.passes == 0) return invalid("every period is learned at least once");
  for (std::size_t i = 0; i < options.variants.size(); ++i)
    if (std::ranges::count(options.variants, options.variants[i]) > 1) return invalid(options.variants[i] + " is named twice");
  return {};
}

Result<Prepared> prepare(const OutcomeLog& log, MatrixView<const float> content, const RankingUseOptions& options, Executor& executor) {
  Prepared out;
  PENCHANT_TRY(periods, cut_periods(log.outcomes, options.periods));
  out.periods = std::move(periods);
  if (std::ranges::all_of(log.outcomes, &Outcome::positive)) {
    if (options.negatives == 0) return invalid("all outcomes are positive: draw negatives, or name some with --negative");
    sample_negatives(out.periods, log.item_ids.size(), options.negatives, kNegativeSeed);
  }
  PENCHANT_TRY(items, fit_items(out.periods.training(), content, log.item_ids, options.items, executor));
  out.items = std::move(items);
  out.data = click_data(out.periods, log.users);
  return out;
}

Result<std::vector<Run>> make_runs(const Prepared& shared, const RankingUseOptions& options) {
  std::vector<Run> runs;
  for (std::size_t v = 0; v < options.variants.size(); ++v) {
    PENCHANT_TRY(variant, parse_item_variant(options.variants[v]));
    const bool hashes = variant.kind != ItemVariant::Kind::sentencepiece;  // a vocabulary is the same for every seed
    for (const auto seed : options.seeds) {
      Run run{.variant = v, .seed = seed};
      if (!hashes && seed != options.seeds[0]) run.items = runs.back().items;
      else {
        PENCHANT_TRY(items, make_variant(variant, shared.items, options.items, seed));
        run.items = std::move(items);
      }
      runs.push_back(std::move(run));
    }
  }
  return runs;
}

/// Judged outcomes of a slice, as places behind the first judged one.
std::vector<std::size_t> members(const Prepared& shared, const std::vector<std::uint32_t>& counts, const CountSlice& slice) {
  std::vector<std::size_t> out;
  const std::size_t first = shared.periods.begins[shared.periods.first_judged];
  for (std::size_t i = first; i < counts.size(); ++i)
    if (counts[i] >= slice.from && counts[i] <= slice.to) out.push_back(i - first);
  return out;
}

SliceSize size_of(std::span<const Outcome> judged, const std::vector<std::size_t>& members) {
  SliceSize out{.outcomes = members.size()};
  std::set<std::uint32_t> items;
  for (const auto i : members) {
    out.positives += judged[i].positive ? 1 : 0;
    items.insert(judged[i].item);
  }
  out.items = items.size();
  return out;
}

void judge_slices(const Prepared& shared, const std::vector<Run>& runs, const RankingUseOptions& options, Executor& executor, RankingUse& out) {
  const auto judged = judged_outcomes(shared.periods);
  const auto users = dense_users(judged, out.users);
  const auto counts = counts_before(shared.periods, shared.items.keys.size());
  std::vector<metrics::ColumnPair> pairs;
  for (std::size_t v = 0; v < out.variants.size(); ++v) pairs.push_back({v, 0});
  for (const auto& slice : kCountSlices) {
    const auto chosen = members(shared, counts, slice);
    out.slices.push_back(size_of(judged, chosen));
    const bool measurable = out.slices.back().positives > 0 && out.slices.back().positives < chosen.size();
    std::vector<std::vector<metrics::RankedOutcomes>> columns(out.variants.size());
    for (const Run& run : runs) {
      if (!measurable) break;
      columns[run.variant].push_back(ranked(judged, run.scores, users, chosen));
    }
    metrics::AucEstimates found;
    if (measurable) found = metrics::estimate_auc(columns, out.users, pairs, {.resamples = options.resamples}, executor);
    for (std::size_t v = 0; v < out.variants.size(); ++v) {
      out.variants[v].auc.push_back(measurable ? found.columns[v] : metrics::Estimate{});
      out.variants[v].difference.push_back(measurable ? found.differences[v] : metrics::Estimate{});
      if (measurable && out.slices.size() == 1) out.variants[v].seed_spread = auc_spread(columns[v]);
    }
  }
}

/// Mean pieces of the judged items.
double pieces_of(const Prepared& shared, const VariantItems& items) {
  if (!items.pieces) return 0;
  std::set<std::uint32_t> judged;
  for (std::size_t i = shared.periods.begins[shared.periods.first_judged]; i < shared.periods.outcomes.size(); ++i)
    judged.insert(shared.periods.outcomes[i].item);
  double sum = 0;
  for (const auto item : judged) sum += static_cast<double>(items.pieces->of(item).size());
  return sum / static_cast<double>(judged.size());
}

}  // namespace

Result<RankingUse> measure_ranking_use(const OutcomeLog& log, MatrixView<const float> content, const RankingUseOptions& options,
                                       Executor& executor) {
  PENCHANT_DO(check(options));
  PENCHANT_CHECK(content.rows() == log.item_ids.size(), "content of every item");
  PENCHANT_TRY(shared, prepare(log, content, options, executor));
  PENCHANT_TRY(runs, make_runs(shared, options));
  RunProgress progress(options.progress, shared.periods.outcomes.size() * runs.size());
  executor.parallel_for(runs.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end && progress.go_on(); ++r) learn_and_judge(shared, options, runs[r], progress, executor);
  });
  if (!progress.go_on()) return Error{ErrorCode::cancelled, "cancelled"};

  const auto& periods = shared.periods;
  RankingUse out{.judged = options.periods.judged, .period = options.periods.length, .periods = periods.size() - periods.first_judged,
                 .from_ms = periods.starts_ms[periods.first_judged], .last_start_ms = periods.starts_ms.back(),
                 .training = periods.training().size(), .table_bytes = options.items.table_bytes, .dim = options.items.dim,
                 .codebooks = shared.items.codebooks, .seeds = options.seeds};
  out.sampled = std::ranges::any_of(periods.outcomes, &Outcome::sampled);
  for (std::size_t v = 0; v < options.variants.size(); ++v) {
    const Run& first = runs[v * options.seeds.size()];
    double used = 0;
    for (std::size_t s = 0; s < options.seeds.size(); ++s) used += static_cast<double>(runs[v * options.seeds.size() + s].items.used_rows);
    out.variants.push_back({.name = options.variants[v], .table_bytes = first.table_bytes,
                            .table_rows = first.items.pieces ? first.items.pieces->table_rows : 0,
                            .used_rows = static_cast<std::size_t>(used / static_cast<double>(options.seeds.size()) + 0.5),
                            .pieces_per_item = pieces_of(shared, first.items)});
  }
  judge_slices(shared, runs, options, executor, out);
  return out;
}

}  // namespace penchant::evaluate
