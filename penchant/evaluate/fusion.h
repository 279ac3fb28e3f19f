#pragma once
/// \file Fits the weights that fuse a release's features, on validation events only. Layer 6.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/progress.h"
#include "penchant/base/result.h"
#include "penchant/rank/fit.h"
#include "penchant/rank/ranker.h"
#include "penchant/store/store.h"

namespace penchant::evaluate {

struct FusionOptions {
  std::size_t max_users = 1500;   ///< validation users read, drawn with `seed` where there are more
  std::size_t per_feature = 48;   ///< best items of each feature that become candidates
  std::size_t random = 48;        ///< further candidates, uniform
  std::size_t folds = 5;          ///< of the cross-validation over users, at least 2
  std::uint64_t seed = 1;
};

/// One validation user: the candidates' features and which of them may be ranked when seen items
/// are removed.
struct FusionList {
  rank::FitList list;
  std::vector<std::uint8_t> seen;  ///< [candidates] 1 = in the history
};

struct FusionReport {
  bool fitted = false;                 ///< false: the default weights were kept, `why` says so
  std::string why;
  std::size_t users = 0;
  std::vector<std::string> features;   ///< that carry a weight
  std::vector<std::string> dropped;    ///< that did not help validation NDCG@10
  double default_ndcg10 = 0;           ///< among the candidates, with the default weights
  double ndcg10 = 0;                   ///< among the candidates, cross-validated
  rank::Weights weights{};
};

/// Chooses features by backward elimination (a feature goes when NDCG@10, cross-validated over
/// users, is higher without it) and fits the rest on all lists. When the cross-validated result is
/// not above that of the default weights, those are kept. Deterministic.
/// \param lists shuffled; all with the columns of rank::Feature, or the first of them
Result<FusionReport> choose_weights(std::span<const FusionList> lists, bool remove_seen,
                                    const FusionOptions& options, Executor& executor,
                                    const ProgressSink& progress = {});

/// Reads a sealed release, scores the validation events it held out (history = training part; test
/// events are never looked at), writes ranker.json and seals again. A release that held out nothing
/// keeps its weights.
/// \return corrupt for a broken folder, invalid_argument when release and store do not belong together
Result<FusionReport> fit_fusion(const std::string& release_folder, store::Store& store, Executor& executor,
                                const ProgressSink& progress = {}, const FusionOptions& options = {});

}  // namespace penchant::evaluate
