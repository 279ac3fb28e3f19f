/// \file fit_fusion: from a release folder and a store to the lists that weights are fitted on.
#include <algorithm>
#include <cmath>
#include <mutex>
#include <numeric>
#include <optional>

#include "penchant/artifact/files.h"
#include "penchant/artifact/manifest.h"
#include "penchant/base/rng.h"
#include "penchant/evaluate/fusion.h"
#include "penchant/evaluate/holdout.h"
#include "penchant/evaluate/release_columns.h"
#include "penchant/recommend/scorer.h"

namespace penchant::evaluate {
namespace {

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

/// The target, the best rows of every feature, and some drawn at random.
std::vector<std::uint32_t> choose_candidates(const Matrix<float>& features, std::uint32_t target,
                                             const FusionOptions& options, Rng rng) {
  const std::size_t items = features.rows();
  std::vector<std::uint32_t> chosen{target}, order(items);
  const std::size_t top = std::min(options.per_feature, items);
  for (std::size_t f = 0; f < features.cols(); ++f) {
    std::iota(order.begin(), order.end(), 0u);
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(top), order.end(),
                      [&](std::uint32_t a, std::uint32_t b) {
                        return features(a, f) != features(b, f) ? features(a, f) > features(b, f) : a < b;
                      });
    chosen.insert(chosen.end(), order.begin(), order.begin() + static_cast<std::ptrdiff_t>(top));
  }
  for (std::size_t r = 0; r < options.random; ++r)
    chosen.push_back(static_cast<std::uint32_t>(rng.below(items)));
  std::ranges::sort(chosen);
  chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
  return chosen;
}

FusionList make_list(Matrix<float> features, const Case& c, std::span<const Interaction> history,
                     const FusionOptions& options) {
  for (float& value : features.values())
    if (!std::isfinite(value)) value = kLowest;
  const auto rows = choose_candidates(features, c.target, options, Rng(options.seed + 7919 * (c.user + 1ULL)));
  std::vector<std::uint8_t> known(features.rows(), 0);
  for (const auto& event : history)
    if (event.item < known.size()) known[event.item] = 1;
  FusionList out;
  out.list.features = Matrix<float>(rows.size(), features.cols());
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::ranges::copy(features.row(rows[r]), out.list.features.row(r).begin());
    out.seen.push_back(known[rows[r]]);
    if (rows[r] == c.target) out.list.target = r;
  }
  return out;
}

/// Lists of the drawn cases, in their order; targets that the release does not know are left out.
Result<std::vector<FusionList>> make_lists(const recommend::Scorer& scorer, const Split& split,
                                           const FusionOptions& options, Executor& executor,
                                           const ProgressSink& progress) {
  auto cases = draw_cases(split.cases(Stage::validation), options.max_users, options.seed);
  std::erase_if(cases, [&](const Case& c) { return c.target >= scorer.items(); });
  std::vector<FusionList> lists(cases.size());
  std::mutex mutex;
  std::optional<Error> error;
  constexpr std::size_t kBlock = 64;
  for (std::size_t begin = 0; begin < cases.size(); begin += kBlock) {
    const std::size_t count = std::min(kBlock, cases.size() - begin);
    executor.parallel_for(count, 1, [&](std::size_t from, std::size_t to) {
      for (std::size_t i = begin + from; i < begin + to; ++i) {
        const auto events = split.history(cases[i]);
        auto features = scorer.features(to_history(events, split.log().types, scorer.items()), cases[i].at_ms);
        if (features.ok()) {
          lists[i] = make_list(std::move(features).value(), cases[i], events, options);
          continue;
        }
        const std::lock_guard lock(mutex);
        if (!error) error = std::move(features).error();
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
  PENCHANT_TRY(log, load_events(store));
  PENCHANT_DO(check_same_items(release, log));
  PENCHANT_TRY(split, Split::make(std::move(log), *protocol));
  PENCHANT_DO(check_unseen(release, split));
  PENCHANT_TRY(lists, make_lists(*scorer, split, options, executor, progress));
  const bool remove_seen = count_repeats(split.training().users).remove_seen();
  PENCHANT_TRY(report, choose_weights(lists, remove_seen, options, executor, progress));
  PENCHANT_DO(write_weights(release_folder, report.weights, std::move(release.manifest)));
  return report;
}

}  // namespace penchant::evaluate
