#pragma once
/// \file Learning from the validation events too, once they have said when to stop. Layer 5; the
/// implementation is in torch/, this header is free of LibTorch.
#include "penchant/learn/trainer.h"

namespace penchant::learn {

/// `data` with every validation target behind the history of its user, and no validation cases.
[[nodiscard]] TrainingData with_validation_events(const TrainingData& data);

/// Trains twice: once as `train` does, which finds the best epoch on the validation cases; then a new
/// network from the same seed, on `with_validation_events(data)`, along the same schedule up to that
/// epoch. The result is the second network with the curve of the first. What is judged with it has to
/// come after the validation events. Without validation cases it is `train`.
/// \return as `train`
Result<TrainedModel> train_then_refit(const TrainingData& data, const TrainOptions& options, const TrainSink& sink = {});

}  // namespace penchant::learn
