#pragma once
/// \file A release whose dense head teaches a smaller network (Hinton, Vinyals and Dean 2015). Layer 5.
#include "penchant/base/result.h"
#include "penchant/learn/dataset.h"
#include "penchant/learn/earlier_release.h"
#include "penchant/learn/options.h"
#include "penchant/learn/trainer.h"

namespace penchant::learn {

/// The encoder and the dense head of the release for the items and actions of `dataset`, matched as a warm start matches
/// them. It knows nothing of items that it did not learn, or that `dataset` has no training event of, and never names them.
/// \return invalid_argument where it reads another window or other time gaps than `options`, corrupt naming the tensor
Result<TeacherWeights> teacher_weights(const EarlierRelease& teacher, const Dataset& dataset, const TrainOptions& options);

}  // namespace penchant::learn
