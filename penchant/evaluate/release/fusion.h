#pragma once
/// \file Fits the weights that fuse a release's features, on validation events only. Layer 6.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/progress.h"
#include "penchant/base/result.h"
#include "penchant/rank/ranker.h"
#include "penchant/store/store.h"

namespace penchant::evaluate {

struct FusionOptions {
  std::size_t max_lists = 1500;  ///< validation events read, drawn with `seed` where there are more
  std::size_t best = 150;        ///< candidates: the best items by the default weights, …
  std::size_t random = 100;      ///< … and some of the others, each standing for several
  std::size_t folds = 5;         ///< of the cross-validation over users, at least 2
  /// A feature goes when NDCG@10 without it is higher by more than this and likelihood not lower.
  double margin = 1e-3;
  double as_new = 0.05;          ///< share of the trained items that are rehearsed as new ones
  /// Places among the first ten that new items get at least, for every choice that falls on them: 1 = as large a part
  /// of the lists as of the choices. More is exploration, paid by known items.
  double new_share = 2;
  std::uint64_t seed = 1;
};

/// One validation user: features of the candidates and which of them came next.
struct FusionList {
  Matrix<float> features;          ///< [candidates, F], finite; F <= rank::kFeatures columns in their order
  std::size_t target = 0;          ///< row
  std::vector<float> stands_for;   ///< [candidates] items that a row represents, >= 1
  std::vector<std::uint8_t> seen;  ///< [candidates] 1 = in the history
  std::optional<std::uint32_t> user;  ///< lists of one user are of one fold; none: the list is a user of its own
};

struct FusionReport {
  bool fitted = false;  ///< false: the default weights were kept, `why` says so
  std::string why;
  std::size_t lists = 0;
  std::vector<std::string> dropped;  ///< features that did not help validation NDCG@10
  double l2 = 0;                     ///< how strongly the weights are held to the default ones
  double default_ndcg10 = 0;         ///< of the validation lists, with the default weights
  double ndcg10 = 0;                 ///< the same, cross-validated
  rank::Weights weights{};           ///< of the task "recommend"
};

/// Maximum likelihood of the targets, shrunk towards the default weights; how strongly is decided by
/// the likelihood, which features stay by both, cross-validated over users. When that NDCG@10
/// is below the one of the default weights by more than a standard error of the paired difference,
/// the defaults are kept and only the weight of "seen" is fitted.
/// Deterministic, on any number of threads.
/// \param lists in random order
/// \return invalid_argument naming a list whose parts do not fit together; cancelled
Result<FusionReport> choose_weights(std::span<const FusionList> lists, bool remove_seen,
                                    const FusionOptions& options, Executor& executor,
                                    const ProgressSink& progress = {});

/// The weight of "cold" for the other weights as they are, from lists where some trained items were scored as if they were
/// new: maximum likelihood of the targets, raised until new items have their share of the first ten places
/// (FusionOptions::new_share). 0 where fewer than `kLeastNewTargets` of the targets are such items.
inline constexpr std::size_t kLeastNewTargets = 10;
Result<double> choose_cold_weight(std::span<const FusionList> rehearsal, const rank::Weights& weights, bool remove_seen,
                                  const FusionOptions& options);

/// Reads a sealed release, scores the validation events it held out, writes ranker.json and seals again. A release that
/// held out nothing keeps its weights. What was held out by time is asked for event by event, after the history of that moment: lists are
/// wanted at any time of a visit, and the first event after the cut alone would speak of people who come back. Otherwise
/// the history is the training part. Test events are never looked at.
/// \return corrupt for a broken folder, invalid_argument when release and store do not belong together
Result<FusionReport> fit_fusion(const std::string& release_folder, store::Store& store, Executor& executor,
                                const ProgressSink& progress = {}, const FusionOptions& options = {});

}  // namespace penchant::evaluate
