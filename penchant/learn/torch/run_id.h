#pragma once
/// \file Tells one training from every other. Private to penchant/learn/torch.
#include <string>

#include "penchant/learn/trainer.h"

namespace penchant::learn {

/// Fingerprint of everything that decides the weights: a checkpoint fits no other run, and ranks with another do not
/// learn the same network.
[[nodiscard]] std::string run_id(const TrainingData& data, const TrainOptions& options, const Knowledge& known);

}  // namespace penchant::learn
