#pragma once
/// \file Runs models x seen settings x tie orders under one protocol and says who beats whom.
/// Layer 6. Full ranking, pessimistic ties, percentile bootstrap over users; differences are paired.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/progress.h"
#include "penchant/base/result.h"
#include "penchant/evaluate/event_log.h"
#include "penchant/evaluate/model.h"
#include "penchant/evaluate/split.h"
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
};

struct RunOptions {
  Protocol protocol;  ///< `ties` and `seed` are set per run from below
  std::vector<Ties> ties{Ties::given};
  std::vector<Seen> seen{Seen::kept, Seen::removed};
  std::uint64_t seed = 1;        ///< of tie shuffles and of the bootstrap
  std::size_t resamples = 1000;  ///< at least 1,000
  Stage stage = Stage::test;
  std::string export_folder;  ///< one CSV per model and setting; empty: none
};

struct Metric {
  std::string name;            ///< "ndcg@10", …
  metrics::Estimate estimate;  ///< coverage is a count of this run: low = high = value
};

struct ModelResult {
  std::string model;
  Seen seen = Seen::kept;
  Ties ties = Ties::given;
  std::size_t users = 0;
  bool seen_in_training = false;
  std::vector<Metric> metrics;
  /// Null when there is none of that name.
  [[nodiscard]] const metrics::Estimate* find(std::string_view name) const noexcept;
};

/// model minus baseline on the same users.
struct Comparison {
  std::string model, baseline, metric;
  Seen seen = Seen::kept;
  Ties ties = Ties::given;
  std::size_t users = 0;
  metrics::Estimate difference;
  bool seen_in_training = false;
  [[nodiscard]] bool beats() const noexcept { return difference.low > 0 && !seen_in_training; }
};

/// What one tie order left to ask.
struct SplitFacts {
  Ties ties = Ties::given;
  std::size_t users = 0, cases = 0, training_events = 0;
  std::size_t unseen_targets = 0;         ///< cases whose target has no training event
  std::size_t repeated_targets = 0;       ///< cases whose target is in the history
  std::size_t users_without_history = 0;  ///< time cut: not asked
};

struct Report {
  Protocol protocol;  ///< with the cuts that were used
  Stage stage = Stage::test;
  std::size_t items = 0;  ///< candidates of every ranking
  std::uint64_t seed = 1;
  std::size_t resamples = 0;
  Repeats repeats;                 ///< in the training part
  std::vector<SplitFacts> splits;  ///< one per tie order
  std::vector<ModelResult> results;
  std::vector<Comparison> comparisons;  ///< NDCG@10, every other model minus every baseline
  std::vector<std::string> notes;       ///< plain sentences: what was left out or marked, and why
};

/// \return invalid_argument when nothing can be asked, or when a required model may be judged by none
/// of the runs; io or resource_exhausted when the export cannot be written; cancelled
Result<Report> run_models(const EventLog& log, std::span<const ModelSource> sources,
                          const RunOptions& options, Executor& executor, const ProgressSink& progress = {});

/// Sources of the given names: baselines, and of a release folder "penchant", "dense", "generator".
/// \param names empty: all baselines, and all of the release when a folder is given (not required: a
/// release that saw the answers is left out with a note)
/// \param allow_seen mark instead of refuse a release that saw the held-out events
Result<std::vector<ModelSource>> model_sources(std::span<const std::string> names,
                                               const std::string& release_folder, bool allow_seen);

}  // namespace penchant::evaluate
