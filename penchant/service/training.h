#pragma once
/// \file From stored events to a sealed, measured release: what `penchant train` and the train task
/// do. Layer 6.
#include <cstdint>
#include <string>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/progress.h"
#include "penchant/base/result.h"
#include "penchant/store/store.h"

namespace penchant::service {

struct TrainingOptions {
  std::string home;
  std::string trainer;             ///< path of the program penchant-train
  std::string encoder_dir;         ///< sentence encoder; empty: items have no text vectors
  std::string name;                ///< release name; empty: from date and time
  std::string preset = "auto";     ///< tiny|small|sparse|base|large|auto
  std::uint64_t seed = 1;
  std::uint32_t epochs = 0;        ///< 0: early stopping decides
  std::uint32_t threads = 0;       ///< 0: all cores
  bool resume = false;
  bool promote = true;
  bool follows = false;            ///< another rank leads this training (learn/launch.h): learn with it, and leave the release to it
  std::vector<std::string> extra;  ///< further arguments of penchant-train, passed as they are
};

struct TrainingOutcome {
  std::string release;             ///< name below <home>/models
  std::string folder;
  double seconds = 0;
  std::string summary;             ///< the evaluation in one plain sentence
  std::vector<std::string> notes;  ///< what the trainer found worth saying of the data
};

/// A name that may become a folder below models/.
/// \return invalid_argument saying what a name may be
Status check_release_name(const std::string& name);

/// Runs penchant-train as its own process (it alone holds LibTorch), fits the fusion weights on
/// validation events, measures the release on its held-out test events, seals, records and
/// promotes it. A cancelled or failed run leaves the live release as it was.
/// \return invalid_argument on too little data (says how much is needed), unavailable when
/// penchant-train is not there, cancelled, or the trainer's own message
Result<TrainingOutcome> train_release(const TrainingOptions& options, store::Store& store, Executor& executor,
                                      const ProgressSink& progress);

}  // namespace penchant::service
