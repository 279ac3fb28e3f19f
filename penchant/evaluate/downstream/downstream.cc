#include "penchant/evaluate/downstream/downstream.h"

#include <algorithm>
#include <functional>

#include "penchant/catalog/time.h"
#include "penchant/evaluate/clicks/daily.h"
#include "penchant/evaluate/clicks/examples.h"
#include "penchant/evaluate/downstream/user_features.h"
#include "penchant/evaluate/release/columns.h"
#include "penchant/evaluate/split/split.h"
#include "penchant/semantic_id/pieces/item_pieces.h"

namespace penchant::evaluate {
namespace {

constexpr std::uint64_t kNegativeSeed = 1;  // the same outcomes for every variant and seed

using Chosen = std::vector<std::size_t>;

/// One way of telling the click model of the user model.
struct Way {
  std::string name;
  const recommend::UserModel* model = nullptr;  ///< null: it is told nothing
  std::size_t refresh_days = 0;                 ///< 0: inline
};

/// Everything that the variants share.
struct Shared {
  Periods periods;
  learn::ClickData data;  ///< context as of a click model without a user model
  std::vector<std::uint64_t> keys;
  std::vector<std::uint32_t> users;  ///< [judged]
  std::size_t user_count = 0;
  std::array<Chosen, kDownstreamSlices.size()> slices;
};

/// Scores of one way, per seed.
struct Judged {
  std::vector<std::vector<float>> learning;  ///< [seeds][judged], a day is learned once it is judged
  std::vector<std::vector<float>> frozen;    ///< [seeds][judged], nothing is learned from judged days on
};

std::string pushed_name(std::size_t days) { return days == 1 ? "pushed every day" : "pushed every " + std::to_string(days) + " days"; }

Status check(const DownstreamOptions& options) {
  if (options.seeds.empty()) return invalid("name at least one seed");
  if (options.model.dim == 0 || options.model.dim > 1024) return invalid("an item vector has 1 to 1024 numbers");
  if (options.model.batch == 0) return invalid("a step learns from at least one outcome");
  if (options.model.cross_layers > 8) return invalid("there are at most 8 cross layers");
  if (options.passes == 0) return invalid("every period is learned at least once");
  if (options.refresh_days.empty()) return invalid("name at least one age of pushed vectors, in days");
  for (const auto days : options.refresh_days)
    if (days == 0 || days > 365) return invalid("vectors are pushed every 1 to 365 days, not every " + std::to_string(days));
  return {};
}

/// The release must have been done with learning, its early stop too, before the first judged day.
Status check_unseen_days(const NamedUserModel& named, std::int64_t from_ms) {
  const auto& manifest = named.model->manifest();
  const std::string day = catalog::format_time(from_ms).substr(0, 10);
  const std::string fix = ": train it with --holdout time and --validation-from and --test-from shares that lie before that day";
  if (manifest.holdout != "time")
    return invalid("release \"" + named.name + "\" held out " + manifest.holdout + ", so it may have learned from the days from " + day +
                   " on" + fix);
  const std::int64_t last = std::max(manifest.holdout_time_ms, manifest.holdout_test_ms);
  if (last <= from_ms) return {};
  return invalid("release \"" + named.name + "\" has looked at events up to " + catalog::format_time(last) + ", the first judged day is " +
                 day + fix);
}

Result<Shared> prepare(const OutcomeLog& log, const EventLog& events, const DownstreamOptions& options, Executor& executor,
                       const recommend::UserModel& release) {
  Shared out;
  PENCHANT_TRY(periods, cut_periods(log.outcomes, options.periods));
  out.periods = std::move(periods);
  if (std::ranges::all_of(log.outcomes, &Outcome::positive)) {
    if (options.negatives == 0) return invalid("all outcomes are positive: draw negatives, or name some with --negative");
    sample_negatives(out.periods, log.item_ids.size(), options.negatives, kNegativeSeed);
  }
  out.data = click_data(out.periods, log.users);
  for (const auto& id : log.item_ids) out.keys.push_back(semantic_id::key_of(id));
  const auto judged = judged_outcomes(out.periods);
  out.users = dense_users(judged, out.user_count);
  PENCHANT_TRY(known, user_vectors_at(release, events, out.periods.outcomes, 1, executor));
  const std::size_t first = out.periods.begins[out.periods.first_judged];
  for (std::size_t i = 0; i < judged.size(); ++i) {
    out.slices[0].push_back(i);
    out.slices[known.age_days[first + i] >= 0 ? 1 : 2].push_back(i);
  }
  return out;
}

Result<Matrix<float>> context_of(const Shared& shared, const EventLog& events, const Way& way, Executor& executor) {
  if (way.model == nullptr) return shared.data.context;
  PENCHANT_TRY(vectors, user_vectors_at(*way.model, events, shared.periods.outcomes, way.refresh_days, executor));
  return with_user_model(shared.data.context, shared.periods.outcomes, vectors, way.model->item_vectors());
}

/// Told of every click model when it has learned all that comes before the judged days, to score other contexts with it.
using FrozenModel = std::function<void(learn::ClickModel& model, std::span<const std::uint32_t> judged)>;
/// One click model per seed, with the vectors of one way in its context.
Result<Judged> judge(const Shared& shared, const learn::ClickData& data, const DownstreamOptions& options, const FrozenModel& again,
                     RunProgress& progress, Executor& executor) {
  Judged out;
  const auto& periods = shared.periods;
  std::vector<std::uint32_t> rows;
  for (std::size_t i = periods.begins[periods.first_judged]; i < periods.outcomes.size(); ++i) rows.push_back(static_cast<std::uint32_t>(i));
  for (std::size_t s = 0; s < options.seeds.size(); ++s) {
    auto how = options.model;
    how.seed = options.seeds[s];
    PENCHANT_TRY(rule, semantic_id::hashed_ids(static_cast<std::uint32_t>(options.table_rows), how.seed));
    const auto pieces = semantic_id::list_pieces(*rule, shared.keys, {nullptr, shared.keys.size(), 0}, how.seed);
    learn::ClickModel model({.pieces = &pieces}, data.context.cols(), how);
    out.learning.emplace_back(rows.size());
    out.frozen.emplace_back(rows.size());
    DailyOptions daily{.first = 0, .last = periods.first_judged, .passes = options.passes, .seed = how.seed};
    learn_daily(model, data, periods, daily, out.learning.back(), progress, executor);
    model.score(data, rows, out.frozen.back(), executor);
    again(model, rows);
    daily = {.first = periods.first_judged, .last = periods.size(), .passes = options.passes, .seed = how.seed + 1000};
    learn_daily(model, data, periods, daily, out.learning.back(), progress, executor);
    if (!progress.go_on()) return Error{ErrorCode::cancelled, "cancelled"};
  }
  return out;
}

std::vector<metrics::RankedOutcomes> rankings(const Shared& shared, const std::vector<std::vector<float>>& scores, const Chosen& chosen) {
  std::vector<metrics::RankedOutcomes> out;
  for (const auto& of_seed : scores) out.push_back(ranked(judged_outcomes(shared.periods), of_seed, shared.users, chosen));
  return out;
}

void estimate_variants(const Shared& shared, const std::vector<Judged>& judged, std::size_t inline_at, const DownstreamOptions& options,
                       Executor& executor, Downstream& out) {
  const auto outcomes = judged_outcomes(shared.periods);
  std::vector<metrics::ColumnPair> pairs;
  for (std::size_t v = 0; v < judged.size(); ++v) pairs.push_back({v, 0});
  for (std::size_t v = 0; v < judged.size(); ++v) pairs.push_back({v, inline_at});
  for (const auto& chosen : shared.slices) {
    const auto positives = static_cast<std::size_t>(std::ranges::count_if(chosen, [&](auto i) { return outcomes[i].positive; }));
    out.outcomes.push_back(chosen.size());
    out.positives.push_back(positives);
    const bool measurable = positives > 0 && positives < chosen.size(), overall = out.outcomes.size() == 1;
    std::vector<std::vector<metrics::RankedOutcomes>> columns;
    metrics::AucEstimates found;
    if (measurable) {
      for (const auto& variant : judged) columns.push_back(rankings(shared, variant.learning, chosen));
      found = metrics::estimate_auc(columns, shared.user_count, pairs, {.resamples = options.resamples}, executor);
    }
    for (std::size_t v = 0; v < judged.size(); ++v) {
      auto& variant = out.variants[v];
      variant.auc.push_back(measurable ? found.columns[v] : metrics::Estimate{});
      variant.against_none.push_back(measurable ? found.differences[v] : metrics::Estimate{});
      if (!measurable || !overall) continue;
      variant.against_inline = found.differences[judged.size() + v];
      variant.seed_spread = auc_spread(columns[v]);
    }
  }
}

/// A retrained user model in place of the release, for a click model that goes on as it is.
struct Swap {
  RetrainedVariant row;
  std::size_t variant = 0;  ///< that the click model is
  learn::ClickData aligned, raw;
  std::vector<std::vector<float>> aligned_scores, raw_scores;  ///< [seeds][judged]
};

/// What everybody had done by then: alignments learn from nothing later.
std::vector<std::vector<recommend::HistoryEvent>> histories_before(const EventLog& events, std::int64_t until_ms) {
  std::vector<std::vector<recommend::HistoryEvent>> out;
  for (std::size_t u = 0; u < events.users(); ++u) {
    auto history = to_history(events.of(u), events.types, events.items());
    std::erase_if(history, [&](const auto& e) { return e.time_ms >= until_ms; });
    if (!history.empty()) out.push_back(std::move(history));
  }
  return out;
}

Result<Swap> make_swap(const Shared& shared, const EventLog& events, const Way& way, std::size_t variant, const NamedUserModel& retrained,
                       Executor& executor) {
  PENCHANT_TRY(alignment, retrained.model->alignment_to(*way.model, histories_before(events, shared.periods.starts_ms[shared.periods.first_judged]), executor));
  PENCHANT_TRY(vectors, user_vectors_at(*retrained.model, events, shared.periods.outcomes, way.refresh_days, executor));
  const auto& outcomes = shared.periods.outcomes;
  Swap out{.row = {.name = retrained.name, .way = way.name, .cosine_before = alignment.cosine_before, .cosine = alignment.cosine},
           .variant = variant, .aligned = shared.data, .raw = shared.data};
  out.raw.context = with_user_model(shared.data.context, outcomes, vectors, retrained.model->item_vectors());
  vectors.rows = recommend::aligned(alignment, vectors.rows.view(), executor);
  out.aligned.context = with_user_model(shared.data.context, outcomes, vectors,
                                        recommend::aligned(alignment, retrained.model->item_vectors(), executor).view());
  return out;
}

void estimate_swap(const Shared& shared, const std::vector<Judged>& judged, Swap& swap, const DownstreamOptions& options, Executor& executor) {
  const auto& all = shared.slices[0];
  const std::vector<std::vector<metrics::RankedOutcomes>> columns{
      rankings(shared, judged[swap.variant].frozen, all), rankings(shared, judged[0].frozen, all), rankings(shared, swap.aligned_scores, all),
      rankings(shared, swap.raw_scores, all)};
  const std::vector<metrics::ColumnPair> pairs{{2, 0}, {3, 0}, {2, 3}};
  const auto found = metrics::estimate_auc(columns, shared.user_count, pairs, {.resamples = options.resamples}, executor);
  swap.row.before = found.columns[0];
  swap.row.none = found.columns[1];
  swap.row.aligned = found.columns[2];
  swap.row.raw = found.columns[3];
  swap.row.aligned_change = found.differences[0];
  swap.row.raw_change = found.differences[1];
  swap.row.aligned_gain = found.differences[2];
}

std::vector<Way> ways_of(const DownstreamModels& models, const DownstreamOptions& options) {
  std::vector<Way> ways{{"none", nullptr, 0}};
  auto days = options.refresh_days;
  std::ranges::sort(days, std::greater());
  days.erase(std::ranges::unique(days).begin(), days.end());
  for (const auto every : days) ways.push_back({pushed_name(every), models.release.model, every});
  ways.push_back({"inline", models.release.model, 0});
  if (models.finetuned.model != nullptr) ways.push_back({"fine-tuned", models.finetuned.model, 0});
  return ways;
}

}  // namespace

Result<Downstream> measure_downstream(const OutcomeLog& log, const EventLog& events, const DownstreamModels& models,
                                      const DownstreamOptions& options, Executor& executor) {
  PENCHANT_DO(check(options));
  PENCHANT_TRY(shared, prepare(log, events, options, executor, *models.release.model));
  const auto& periods = shared.periods;
  const std::int64_t from_ms = periods.starts_ms[periods.first_judged];
  std::vector<NamedUserModel> named{models.release};
  if (models.finetuned.model != nullptr) named.push_back(models.finetuned);
  named.insert(named.end(), models.retrained.begin(), models.retrained.end());
  for (const auto& one : named) PENCHANT_DO(check_unseen_days(one, from_ms));

  const auto ways = ways_of(models, options);
  const auto inline_at = static_cast<std::size_t>(std::ranges::find(ways, "inline", &Way::name) - ways.begin());
  Downstream out{.judged = options.periods.judged, .period = options.periods.length, .periods = periods.size() - periods.first_judged,
                 .training = periods.training().size(), .users = shared.user_count, .from_ms = from_ms, .last_start_ms = periods.starts_ms.back(),
                 .sampled = std::ranges::any_of(periods.outcomes, &Outcome::sampled), .seeds = options.seeds, .release = models.release.name};
  RunProgress progress(options.progress, periods.outcomes.size() * ways.size() * options.seeds.size());
  std::vector<Judged> judged;
  std::vector<Swap> swaps;
  for (std::size_t v = 0; v < ways.size(); ++v) {
    learn::ClickData data = shared.data;
    PENCHANT_TRY(context, context_of(shared, events, ways[v], executor));
    data.context = std::move(context);
    const std::size_t first_swap = swaps.size();
    if (v == inline_at || v + 1 == inline_at)  // the freshest pushed vectors, and inline
      for (const auto& retrained : models.retrained) {
        PENCHANT_TRY(swap, make_swap(shared, events, ways[v], v, retrained, executor));
        swaps.push_back(std::move(swap));
      }
    PENCHANT_TRY(scores, judge(shared, data, options, [&](learn::ClickModel& model, std::span<const std::uint32_t> rows) {
      for (std::size_t s = first_swap; s < swaps.size(); ++s) {
        swaps[s].aligned_scores.emplace_back(rows.size());
        model.score(swaps[s].aligned, rows, swaps[s].aligned_scores.back(), executor);
        swaps[s].raw_scores.emplace_back(rows.size());
        model.score(swaps[s].raw, rows, swaps[s].raw_scores.back(), executor);
      }
    }, progress, executor));
    judged.push_back(std::move(scores));
    out.variants.push_back({.name = ways[v].name});
    for (std::size_t s = first_swap; s < swaps.size(); ++s) swaps[s].aligned = swaps[s].raw = {};  // large, and done with
  }
  estimate_variants(shared, judged, inline_at, options, executor, out);
  for (auto& swap : swaps) {
    estimate_swap(shared, judged, swap, options, executor);
    out.retrained.push_back(swap.row);
  }
  return out;
}

}  // namespace penchant::evaluate
