#pragma once
/// \file What came after a release was trained, event by event: how soon does a new item reach the people who took it? Layer 6.
/// The way of Kwai's "cold-start velocity" (share of new items that reach a threshold of views), without a live platform:
/// an item's exposures are the events it really had, and what counts is whether the list of whoever took it next held it.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/progress.h"
#include "penchant/base/result.h"
#include "penchant/metrics/bootstrap.h"
#include "penchant/store/store.h"

namespace penchant::evaluate {

struct ReplayOptions {
  std::string encoder_dir;       ///< sentence encoder of the release; empty: none
  std::size_t k = 20;            ///< places of a list
  std::size_t limit = 0;         ///< cases of new items at most, the earliest; 0: all
  std::size_t resamples = 1000;
  ProgressSink progress;         ///< may be empty
};

/// Who makes the list. "live": the engine, which has seen every event so far. "frozen": the same release that has seen no
/// event since its training but those of the person asked for. "counts": transitions by item id, counted on every event so
/// far: an id-only recommender that learns at once.
inline constexpr std::array<std::string_view, 3> kReplayModels{"live", "frozen", "counts"};

/// Events that the item had had before: from `from`, below the next step's.
inline constexpr std::array<std::size_t, 7> kExposureSteps{0, 1, 2, 3, 6, 11, 21};

/// How many were looked at, which share every model found, and the differences, paired.
struct ReplayFigures {
  std::size_t count = 0;
  std::array<metrics::Estimate, kReplayModels.size()> found{};
  metrics::Estimate live_minus_frozen, live_minus_counts;
};

/// Of the new items that had at least `people` cases: the share that was in the list of one of the first so many people
/// who took it.
struct Velocity {
  std::size_t people = 0;
  ReplayFigures items;
};

struct Replay {
  std::string release;
  std::size_t k = 0;
  std::int64_t from_ms = 0, to_ms = 0;
  std::size_t events = 0;     ///< replayed
  std::size_t new_items = 0;  ///< without an event before, with one since
  ReplayFigures known;        ///< lists for events on items that had events before the cut: about 2,000, evenly spread
  ReplayFigures all;          ///< lists for events on new items; found = recall at k
  std::array<ReplayFigures, kExposureSteps.size()> steps;
  std::vector<Velocity> velocity;  ///< after 1, 2, 5, 10 and 20 people, as far as there are items
};

/// Replays the events of `store` since the test cut of the release, in a home of its own below the system's temporary
/// folder. A case is an event of somebody with a history on a new item that this person has not had, or any on a known one;
/// events of one moment are asked for before any of them is known, as in the protocol "time". What the engine removes
/// from a list (seen items, where people seldom repeat) is removed from all three.
/// \param release_folder of a release with --holdout time
/// \return invalid_argument when it held out something else, or nothing new came since; cancelled
Result<Replay> replay(store::Store& store, const std::string& release_folder, const ReplayOptions& options, Executor& executor);

[[nodiscard]] std::string to_json(const Replay& found);
/// A table for a terminal, at most 100 columns.
[[nodiscard]] std::string to_text(const Replay& found);

}  // namespace penchant::evaluate
