#pragma once
/// \file Training that goes on from an earlier release. Layer 5. Why and how: docs/decisions/0016-warm-start.md.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/result.h"
#include "penchant/learn/dataset.h"
#include "penchant/learn/earlier_release.h"
#include "penchant/learn/options.h"
#include "penchant/learn/trainer.h"

namespace penchant::learn {

/// Settings of a retraining. "auto": the preset and the sizes of the release; another preset must be of these sizes. Its
/// schedule is shorter than that of the preset.
/// \return invalid_argument where the preset is not known
Result<TrainOptions> warm_options(const EarlierRelease& earlier, std::string_view preset);

/// Whether a network of these options has the sizes of the release; its window may be another.
/// \return invalid_argument naming the option that differs
Status check_sizes(const EarlierRelease& earlier, const TrainOptions& options);

/// Keeps back from the early stop and the evaluation what the release has learned from. Holdout::none loses the
/// validation cases that are not newer than the release's newest event.
/// \return invalid_argument where the hold-out keeps back what the release may have seen, saying what to do
Status check_unseen(const EarlierRelease& earlier, Dataset& dataset);

/// The weights of the release for the items and actions of `dataset`, whose semantic IDs are those of the release
/// (DatasetOptions::earlier). Items are matched by external id. A new item, or one that the release saw no event of, starts
/// with the mean id of the items it borrows from (retrieve/lenders.h) and the median bias. Actions are matched by type and
/// value; one of a new type starts as "unknown".
/// \return corrupt naming the tensor of the release whose shape is wrong
Result<StartWeights> start_weights(const EarlierRelease& earlier, const Dataset& dataset);

}  // namespace penchant::learn
