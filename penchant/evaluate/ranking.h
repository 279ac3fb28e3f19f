#pragma once
/// \file Full ranking of every case by every model, both seen settings in one pass. Layer 6.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "penchant/base/bitmap.h"
#include "penchant/base/executor.h"
#include "penchant/base/progress.h"
#include "penchant/base/result.h"
#include "penchant/evaluate/model.h"
#include "penchant/evaluate/split.h"

namespace penchant::evaluate {

/// One model column under one seen setting.
struct Ranking {
  std::string model;
  Seen seen = Seen::kept;
  std::vector<std::uint32_t> ranks;    ///< [cases] pessimistic; metrics::kNoRank = cannot be hit
  std::vector<float> list_popularity;  ///< [cases] mean training events of the ten best items
  Bitmap recommended;                  ///< [items] in the ten best of at least one case
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
  std::size_t list_length = 10;  ///< at least 10
  /// Called on the calling thread, cases in order, for each the models and seen settings in order.
  /// May be empty; an error stops the run.
  std::function<Status(const TopList&)> on_list;
};

/// Ranks all items of the catalogue for every case. Every model must be fitted.
/// \return [model columns in order, each with all seen settings]; cancelled when `progress` says so
Result<std::vector<Ranking>> rank_cases(const Split& split, std::span<const std::unique_ptr<Model>> models,
                                        const RankOptions& options, Executor& executor,
                                        const ProgressSink& progress = {});

}  // namespace penchant::evaluate
