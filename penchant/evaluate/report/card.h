#pragma once
/// \file Measures a release on what it held out and writes the figures into its card. Layer 6.
#include <string>

#include "penchant/base/executor.h"
#include "penchant/base/progress.h"
#include "penchant/base/result.h"
#include "penchant/store/store.h"

namespace penchant::evaluate {

/// Runs the release's own protocol on its test events, of at most 5,000 users drawn with a fixed seed:
/// "penchant", "dense" and "generator" beside the counting baselines, both seen settings. Puts the report under "evaluation" of card.json, and under "data"
/// `repeat_share` and `remove_seen` (what lists should do by default), the returned line under
/// `evaluation.summary`; seals the folder again. \return one plain line with the figures; of a release that
/// held out nothing, a line that says so
Result<std::string> write_card(const std::string& release_folder, store::Store& store, Executor& executor,
                               const ProgressSink& progress = {});

}  // namespace penchant::evaluate
