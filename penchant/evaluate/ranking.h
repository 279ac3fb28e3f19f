#pragma once
/// \file Full ranking of every case by every model, both seen settings in one pass. Layer 6.
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
#include "penchant/evaluate/controls.h"
#include "penchant/evaluate/model.h"
#include "penchant/evaluate/split/split.h"

namespace penchant::evaluate {

inline constexpr std::size_t kShortList = 10;  ///< the list that figures beside accuracy look at

/// One model column under one seen setting.
struct Ranking {
  std::string model;
  Seen seen = Seen::kept;
  std::vector<std::uint32_t> ranks;        ///< [cases] pessimistic; metrics::kNoRank = cannot be hit
  std::vector<float> list_popularity;      ///< [cases] mean training events of the ten best items
  std::vector<float> list_novelty;         ///< [cases] mean self-information of the ten best, bits
  std::vector<float> list_diversity;       ///< [cases] 1 - mean cosine of their pairs; empty without content
  std::vector<float> confidence;           ///< [cases] softmax of the best score; empty when scores are no logits
  std::vector<std::uint32_t> recommended;  ///< [items] how many lists of ten hold the item
  double seconds = 0;                      ///< wall time of prepare(), scoring and ranking, all columns together
};

/// The best items of one case, best first. Items of equal score: by row, the target last, so that the
/// place of the target in the list is its pessimistic rank.
struct TopList {
  std::string_view model;  ///< lives during the call
  Seen seen = Seen::kept;
  const Case* of = nullptr;
  std::span<const std::uint32_t> items;  ///< rows
  std::span<const float> scores;         ///< as items
};

struct RankOptions {
  Stage stage = Stage::test;
  std::vector<Seen> seen{Seen::kept, Seen::removed};
  std::size_t list_length = kShortList;  ///< at least that
  /// Called on the calling thread, one model after the other, its cases in order, for each its columns
  /// and the seen settings in order. May be empty; an error stops the run.
  std::function<Status(const TopList&)> on_list;
  std::span<const Case> cases;  ///< some of the split's, in their order; empty: all of `stage`
  Control control = Control::none;  ///< what histories models are shown
  std::uint64_t control_seed = 1;
  MatrixView<const float> content;  ///< [items, d] unit rows for diversity, or empty
  bool lists = true;                ///< false: ranks alone; what describes lists stays empty
};

/// Ranks all items of the catalogue for every case. Every model must be fitted; each is asked for
/// blocks of queries, after prepare() with all of them.
/// \return [model columns in order, each with all seen settings]; cancelled when `progress` says so
Result<std::vector<Ranking>> rank_cases(const Split& split, std::span<const std::unique_ptr<Model>> models,
                                        const RankOptions& options, Executor& executor,
                                        const ProgressSink& progress = {});
/// The same for one model.
Result<std::vector<Ranking>> rank_cases(const Split& split, Model& model, const RankOptions& options,
                                        Executor& executor, const ProgressSink& progress = {});

}  // namespace penchant::evaluate
