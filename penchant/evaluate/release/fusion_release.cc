/// \file fit_fusion: from a release folder and a store to the lists that weights are fitted on.
#include <algorithm>
#include <cmath>
#include <mutex>
#include <numeric>
#include <optional>

#include "penchant/artifact/files.h"
#include "penchant/artifact/manifest.h"
#include "penchant/base/rng.h"
#include "penchant/catalog/cold_items.h"
#include "penchant/evaluate/release/fusion.h"
#include "penchant/evaluate/release/holdout.h"
#include "penchant/evaluate/release/columns.h"
#include "penchant/recommend/scorer.h"

namespace penchant::evaluate {
namespace {

constexpr std::uint64_t kRehearsalSeed = 1'000'003;
constexpr float kLowest = -1e4f;  ///< stands for a feature that is not finite

/// At most `limit` cases, drawn without replacement, in random order.
std::vector<Case> draw_cases(std::span<const Case> cases, std::size_t limit, std::uint64_t seed) {
  std::vector<Case> out(cases.begin(), cases.end());
  Rng rng(seed);
  rng.shuffle(std::span(out));
  if (out.size() > limit) out.resize(limit);
  return out;
}

/// Writes ranker.json with these weights for the task "recommend" and seals the folder again.
Status write_weights(const std::string& folder, const rank::Weights& weights, artifact::Manifest manifest) {
  const std::string file = folder + "/ranker.json";
  PENCHANT_TRY(ranker, rank::Ranker::load(file));
  ranker.set_weights(rank::Task::recommend, weights);
  PENCHANT_DO(artifact::write_file(file, ranker.to_json()));
  return artifact::seal_release(folder, std::move(manifest));
}

struct Candidate {
  std::uint32_t row;
  float stands_for;
};

/// The target, the best rows by the default weights, and a sample that stands for all others. Held-out items are left
/// out: they are no targets here, and would teach that new items never are.
std::vector<Candidate> choose_candidates(const Matrix<float>& features, std::uint32_t target,
                                         std::span<const std::uint8_t> held_out, const FusionOptions& options, Rng rng) {
  const rank::Ranker ranker;
  const std::size_t items = features.rows();
  std::vector<double> score(items);
  for (std::size_t i = 0; i < items; ++i) {
    score[i] = ranker.score(rank::Task::recommend, features.row(i));
    if (!std::isfinite(score[i])) score[i] = static_cast<double>(kLowest);  // NaN has no place in an order
  }
  std::vector<std::uint32_t> order(items);
  std::iota(order.begin(), order.end(), 0u);
  std::erase_if(order, [&](std::uint32_t i) { return i < held_out.size() && held_out[i] != 0; });
  const std::size_t best = std::min(options.best, order.size());
  const auto middle = order.begin() + static_cast<std::ptrdiff_t>(best);
  std::partial_sort(order.begin(), middle, order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return score[a] != score[b] ? score[a] > score[b] : a < b;
  });
  std::vector<Candidate> out{{target, 1}};
  for (auto row = order.begin(); row != middle; ++row)
    if (*row != target) out.push_back({*row, 1});
  std::vector<std::uint32_t> others(middle, order.end());
  std::erase(others, target);
  std::ranges::sort(others);
  rng.shuffle(std::span(others));
  const std::size_t drawn = std::min(options.random, others.size());
  for (std::size_t k = 0; k < drawn; ++k)
    out.push_back({others[k], static_cast<float>(others.size()) / static_cast<float>(drawn)});
  return out;
}

/// The features of one case's candidates; the generator's of nothing else, for it is by far the dearest.
Result<FusionList> make_list(const recommend::Scorer& scorer, const Case& c, const Split& split, const FusionOptions& options) {
  const auto events = split.history(c);
  const EventLog& log = split.log();
  std::vector<Candidate> rows;
  const auto candidates = [&](const Matrix<float>& features) {
    std::vector<std::uint32_t> chosen;
    if (!rows.empty()) return chosen;
    rows = choose_candidates(features, c.target, split.held_out_items(), options, Rng(options.seed + 7919 * (c.user + 1ULL)));
    for (const Candidate& candidate : rows) chosen.push_back(candidate.row);
    return chosen;
  };
  PENCHANT_TRY(features, scorer.features(to_history(events, log.types, scorer.items()), log.world_times ? c.at_ms : 0, candidates));
  if (rows.empty()) (void)candidates(features);  // no history the model reads: no generator either
  for (float& value : features.values())
    if (!std::isfinite(value)) value = kLowest;
  std::vector<std::uint8_t> known(features.rows(), 0);
  for (const auto& event : events)
    if (event.item < known.size()) known[event.item] = 1;
  FusionList out{.features = Matrix<float>(rows.size(), features.cols()), .target = 0};
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::ranges::copy(features.row(rows[r].row), out.features.row(r).begin());
    out.seen.push_back(known[rows[r].row]);
    out.stands_for.push_back(rows[r].stands_for);
  }
  return out;
}

/// Lists of the drawn cases, in their order; targets that the release does not know are left out.
Result<std::vector<FusionList>> make_lists(const recommend::Scorer& scorer, const Split& split,
                                           const FusionOptions& options, Executor& executor,
                                           const ProgressSink& progress) {
  const auto held_out = split.held_out_items();
  std::vector<Case> known(split.cases(Stage::validation).begin(), split.cases(Stage::validation).end());
  std::erase_if(known, [&](const Case& c) { return !held_out.empty() && held_out[c.target] != 0; });
  auto cases = draw_cases(known, options.max_lists, options.seed);
  std::erase_if(cases, [&](const Case& c) { return c.target >= scorer.items(); });
  std::vector<FusionList> lists(cases.size());
  std::mutex mutex;
  std::optional<Error> error;
  constexpr std::size_t kBlock = 64;
  for (std::size_t begin = 0; begin < cases.size(); begin += kBlock) {
    const std::size_t count = std::min(kBlock, cases.size() - begin);
    executor.parallel_for(count, 1, [&](std::size_t from, std::size_t to) {
      for (std::size_t i = begin + from; i < begin + to; ++i) {
        auto list = make_list(scorer, cases[i], split, options);
        if (list.ok()) {
          lists[i] = std::move(list).value();
          if (split.protocol().targets == Targets::all) lists[i].user = cases[i].user;
          continue;
        }
        const std::lock_guard lock(mutex);
        if (!error) error = std::move(list).error();
      }
    });
    if (error) return std::move(*error);
    if (progress && !progress({"score validation events", begin + count, cases.size(), ""}))
      return Error{ErrorCode::cancelled, "fitting the fusion was cancelled"};
  }
  return lists;
}

}  // namespace

Result<FusionReport> fit_fusion(const std::string& release_folder, store::Store& store, Executor& executor,
                                const ProgressSink& progress, const FusionOptions& options) {
  PENCHANT_TRY(release, read_release_facts(release_folder));
  const auto protocol = protocol_of(release.manifest);
  if (!protocol.ok()) {
    PENCHANT_TRY(ranker, rank::Ranker::load(release_folder + "/ranker.json"));
    FusionReport kept{.why = protocol.error().message, .weights = ranker.weights(rank::Task::recommend)};
    PENCHANT_DO(write_weights(release_folder, kept.weights, std::move(release.manifest)));
    return kept;
  }
  PENCHANT_TRY(scorer, recommend::Scorer::load(release_folder));
  PENCHANT_TRY(log, load_events(store, protocol->cold_by));
  PENCHANT_DO(check_same_items(release, log));
  Protocol asked = *protocol;
  if (asked.kind == Kind::time) asked.targets = Targets::all;
  PENCHANT_TRY(split, Split::make(std::move(log), asked));
  PENCHANT_DO(check_unseen(release, split));
  PENCHANT_TRY(lists, make_lists(*scorer, split, options, executor, progress));
  const bool remove_seen = count_repeats(split.training().users).remove_seen();
  PENCHANT_TRY(report, choose_weights(lists, remove_seen, options, executor, progress));
  // Another draw than that of held-out items, which are no targets here.
  const auto as_new = catalog::draw_cold_items(release.item_ids, options.as_new, release.manifest.cold_seed + kRehearsalSeed + options.seed);
  PENCHANT_TRY(rehearsed, recommend::Scorer::load(release_folder, {.as_new = as_new}));
  PENCHANT_TRY(rehearsal, make_lists(*rehearsed, split, options, executor, progress));
  PENCHANT_TRY(cold, choose_cold_weight(rehearsal, report.weights, remove_seen, options));
  report.weights[rank::column(rank::Feature::cold)] = cold;
  PENCHANT_DO(write_weights(release_folder, report.weights, std::move(release.manifest)));
  return report;
}

}  // namespace penchant::evaluate
