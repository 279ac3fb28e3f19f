#pragma once
/// \file Runs models x seen settings x tie orders x seeds under one protocol and says who beats whom.
/// Layer 6. Full ranking, pessimistic ties, percentile bootstrap over users; differences are paired.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/progress.h"
#include "penchant/base/result.h"
#include "penchant/evaluate/baselines/registry.h"
#include "penchant/evaluate/content_vectors.h"
#include "penchant/evaluate/controls.h"
#include "penchant/evaluate/event_log.h"
#include "penchant/evaluate/model.h"
#include "penchant/evaluate/split/split.h"
#include "penchant/metrics/bootstrap.h"

namespace penchant::evaluate {

/// A model bound to one split, not yet fitted.
struct BoundModel {
  std::unique_ptr<Model> model;
  bool seen_in_training = false;  ///< it was made with events that this split holds out
};

/// How to make one model (or a group that shares work) for a split.
struct ModelSource {
  std::string name;       ///< for messages
  bool baseline = false;  ///< the others are compared with it
  bool required = true;   ///< refused by every run: an error; false: a note
  /// invalid_argument when the model must not be judged by this split (it saw the answers).
  std::function<Result<BoundModel>(const Split&)> bind;
  ContentUse content = ContentUse::none;
};

struct RunOptions {
  Protocol protocol;  ///< `ties` and `seed` are set per run from below
  std::vector<Ties> ties{Ties::given};
  std::vector<Seen> seen{Seen::kept, Seen::removed};
  std::uint64_t seed = 1;        ///< of tie shuffles, models, controls, samples and the bootstrap; the first …
  std::size_t seeds = 1;         ///< … of this many: seed, seed + 1, …
  std::size_t resamples = 1000;  ///< at least 1,000
  Stage stage = Stage::test;
  std::string export_folder;  ///< one CSV per model and setting, of the first seed; empty: none
  Control control = Control::none;
  /// Half width of what counts as level, in NDCG@10, fixed before the run; 0: nothing is called level.
  double margin = 0;
  /// Compare every other model with this one too; "best": with the one of highest NDCG@10; empty: no.
  std::string against;
  std::size_t max_users = 0;  ///< users asked, drawn with `seed` where there are more; 0: all
  /// Makes unit rows (a zero row = no content). Called once at most: when a model needs
  /// them, or before anything else with `measure_diversity`. May be empty.
  std::function<Result<ContentVectors>(Executor&, const ProgressSink&)> content;
  bool measure_diversity = false;  ///< diversity@10; an error when there is no content
};

struct Metric {
  std::string name;            ///< "ndcg@10", …
  metrics::Estimate estimate;  ///< coverage and Gini are counts of a run: low = high = value
  double spread = 0;           ///< standard deviation over seeds; 0 for one
};

/// Figures of some of the cases.
struct SliceResult {
  std::string dimension;  ///< "item-frequency", "user", "history-length", "item-age", "group"
  std::string name;       ///< "1-5", "new", …
  std::size_t users = 0;  ///< with a case in it
  std::vector<Metric> metrics;  ///< ndcg@10, recall@10, recall@20; empty when users = 0
};

struct ModelResult {
  std::string model;
  Seen seen = Seen::kept;
  Ties ties = Ties::given;
  std::uint64_t seed = 1;  ///< the first
  std::size_t seeds = 1;   ///< several: values are means over them, intervals those of users' means
  std::size_t users = 0;
  bool baseline = false;
  bool seen_in_training = false;
  double fit_seconds = 0, score_seconds = 0;  ///< wall, mean over seeds; of all columns and settings together
  std::vector<Metric> metrics;
  std::vector<SliceResult> slices;
  /// Null when there is none of that name.
  [[nodiscard]] const metrics::Estimate* find(std::string_view name) const noexcept;
};

/// model minus baseline on the same users, each user's mean over seeds.
struct Comparison {
  std::string model, baseline, metric;
  Seen seen = Seen::kept;
  Ties ties = Ties::given;
  std::size_t users = 0;
  metrics::Estimate difference;
  bool seen_in_training = false;
  double margin = 0;  ///< RunOptions::margin
  bool asked = false; ///< by RunOptions::against
  [[nodiscard]] bool beats() const noexcept { return difference.low > 0 && !seen_in_training; }
  /// The whole interval lies inside the margin.
  [[nodiscard]] bool level() const noexcept {
    return margin > 0 && difference.low > -margin && difference.high < margin && !seen_in_training;
  }
};

/// The best model by one metric, and how far ahead of the next it is. Models that saw the answers
/// take no part.
struct Winner {
  std::string metric, model, runner_up;  ///< runner_up empty: there is only one model
  Seen seen = Seen::kept;
  Ties ties = Ties::given;
  metrics::Estimate lead;  ///< over the runner-up
  [[nodiscard]] bool clear() const noexcept { return lead.low > 0; }
};

/// What one tie order left to ask.
struct SplitFacts {
  Ties ties = Ties::given;
  std::size_t users = 0, cases = 0, training_events = 0;
  std::size_t unseen_targets = 0;         ///< cases whose target has no training event
  std::size_t repeated_targets = 0;       ///< cases whose target is in the history
  std::size_t users_without_history = 0;  ///< not asked
  std::size_t users_to_ask = 0;           ///< of which `users` were drawn; equal where all were asked
};

struct Report {
  Protocol protocol;  ///< with the cuts that were used
  Stage stage = Stage::test;
  std::size_t items = 0;  ///< candidates of every ranking
  std::uint64_t seed = 1;
  std::size_t seeds = 1;
  std::size_t resamples = 0;
  Control control = Control::none;
  double margin = 0;
  Repeats repeats;                   ///< in the training part
  std::vector<SplitFacts> splits;    ///< one per tie order, of the first seed
  std::vector<ModelResult> results;  ///< over all seeds
  std::vector<ModelResult> by_seed;  ///< only of several seeds: one per seed
  std::vector<Comparison> comparisons;  ///< NDCG@10: every other model minus every baseline, and `against`
  std::vector<Winner> winners;
  std::vector<std::string> notes;       ///< plain sentences: what was left out or marked, and why
};

/// \return invalid_argument when nothing can be asked, or when a required model may be judged by none
/// of the runs; io or resource_exhausted when the export cannot be written; cancelled
Result<Report> run_models(const EventLog& log, std::span<const ModelSource> sources,
                          const RunOptions& options, Executor& executor, const ProgressSink& progress = {});

/// Which models, and how they are set.
struct SourceOptions {
  /// Baselines; of a release "penchant", "dense", "generator". "default": the cheap counting baselines,
  /// and all of the release when a folder is given (not required: a release that saw the answers is left out with a
  /// note); "classic": all baselines that need no trainer; "all": everything. Empty: "default".
  std::vector<std::string> names;
  std::string release_folder;         ///< may be empty
  bool allow_seen = false;            ///< mark instead of refuse a release that saw the held-out events
  std::vector<std::string> settings;  ///< "ease.l2=300"
  BaselineContext baselines;
  Control control = Control::none;    ///< shuffled_codes loads the release so
  std::uint64_t seed = 1;             ///< of the shuffled codes
};
/// \return invalid_argument naming an unknown model, a model named twice, a setting that no chosen model has
Result<std::vector<ModelSource>> model_sources(const SourceOptions& options);

/// The same with everything else as it is by default.
Result<std::vector<ModelSource>> model_sources(std::span<const std::string> names,
                                               const std::string& release_folder, bool allow_seen);

}  // namespace penchant::evaluate
