#pragma once
/// \file Looks for better settings of a model on validation data alone. Layer 6.
/// The test part of the log is never asked: only Stage::validation of the split is ranked, and tune()
/// proves first that no training event and no history reaches a test target.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/progress.h"
#include "penchant/base/result.h"
#include "penchant/evaluate/baselines/registry.h"
#include "penchant/evaluate/content_vectors.h"
#include "penchant/evaluate/event_log.h"
#include "penchant/evaluate/model.h"
#include "penchant/evaluate/split/split.h"
#include "penchant/evaluate/tune/journal.h"
#include "penchant/metrics/bootstrap.h"

namespace penchant::evaluate {

/// What is tuned: a name, its settings, and how to make one.
struct TuneSubject {
  std::string name;
  std::vector<Setting> settings;
  /// A fresh model with "name=value" of every setting, for the data of this split, which outlives it.
  std::function<Result<std::unique_ptr<Model>>(std::span<const std::string>, const Split&)> make;
  std::string variant;  ///< what a trial depends on beside its settings, e.g. a preset; trials of another are left alone
};
/// A baseline of the registry; invalid_argument for an unknown name or one without settings.
Result<TuneSubject> tune_subject(std::string_view baseline, const BaselineContext& context);

struct TuneOptions {
  Protocol protocol;
  std::vector<std::string> fixed;    ///< "name=value": not searched
  std::string metric = "ndcg@10";    ///< recall, ndcg or mrr at 5, 10 or 20
  std::optional<Seen> seen;          ///< none: removed where repeats are rare (Repeats::remove_seen)
  std::size_t trials = 30;           ///< in all, those of earlier runs included; 1 to 10,000
  double minutes = 0;                ///< no trial begins later than this; 0: no limit
  std::uint64_t seed = 1;            ///< of the search and of every fit
  std::size_t resamples = 1000;      ///< at least 1,000
  ContentVectors content;            ///< empty: none
  std::string journal;               ///< file of the trials
};

/// What the search came to.
struct TuneReport {
  std::string model, metric;
  Protocol protocol;  ///< with the cuts that were used
  Seen seen = Seen::removed;
  std::uint64_t seed = 1;
  std::size_t users = 0;             ///< with a validation target
  std::vector<std::string> searched; ///< names, in order
  std::vector<std::string> fixed;    ///< "name=value"
  std::vector<Trial> trials;         ///< that succeeded, best first; the defaults among them
  std::size_t defaults = 0;          ///< index of the defaults in `trials`
  std::size_t failed = 0;            ///< trials that failed
  std::size_t new_trials = 0;        ///< made by this run
  metrics::Estimate difference;      ///< best minus defaults, paired over users
  std::string stopped;               ///< why it ended before `trials`; empty: it did not
  std::vector<std::string> notes;
  [[nodiscard]] const Trial& best() const { return trials.front(); }
  [[nodiscard]] bool beats_defaults() const noexcept { return difference.low > 0; }
};

/// Runs trials until there are `options.trials` of them, or the time is up, or the box is exhausted.
/// Every trial is on disk before the next begins, so a killed run loses at most one; a second run with
/// the same options goes on where the first ended and repeats none. A trial that fails (settings that
/// do not go together, out of memory) is recorded and the search goes on; when the defaults fail, or a
/// trainer is missing, tune() fails.
/// \param progress step "tune NAME", with the best value so far; returning false cancels
/// \return invalid_argument naming the option, unavailable when another process tunes this model, …
Result<TuneReport> tune(const EventLog& log, const TuneSubject& subject, const TuneOptions& options,
                        Executor& executor, const ProgressSink& progress = {});

}  // namespace penchant::evaluate
