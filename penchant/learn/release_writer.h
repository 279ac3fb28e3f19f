#pragma once
/// \file Writes a trained model as a release folder (docs/formats/release.md). Layer 5.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "penchant/base/result.h"
#include "penchant/learn/dataset.h"
#include "penchant/learn/options.h"
#include "penchant/learn/trainer.h"

namespace penchant::learn {

struct ReleaseInfo {
  std::string name;       ///< folder name below models/
  std::string created;    ///< ISO 8601 UTC
  std::string preset;     ///< as chosen, "auto" resolved
  double seconds = 0;     ///< of training
  std::vector<std::string> notes;  ///< what whoever trains should know of the data; kept in the card
  std::optional<StartedFrom> started_from;  ///< of a warm start; kept in the card
};

/// Writes every file except ranker.json (whoever fits the fusion adds it and seals again), then the
/// manifest. The folder is made when absent.
/// \return already_exists when the folder holds a manifest, io, or resource_exhausted
/// \param towers null: the release has none
Status write_release(const std::string& folder, const ReleaseInfo& info, const Dataset& dataset,
                     const TrainOptions& options, const TrainedModel& model, const TrainedModel* towers = nullptr);

}  // namespace penchant::learn
