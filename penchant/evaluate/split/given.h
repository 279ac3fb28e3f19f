#pragma once
/// \file Parts of a split that the data name themselves. Layer 6.
#include <cstdint>
#include <vector>

#include "penchant/base/result.h"
#include "penchant/evaluate/event_log.h"

namespace penchant::evaluate {

enum class Part : std::uint8_t { training, validation, test };

/// The part of each event type, [EventLog::types]: "train" or "training", "valid" or "validation",
/// "test". Types without an event get Part::training.
/// \return invalid_argument naming the first type of an event that is none of them
Result<std::vector<Part>> parts_of_types(const EventLog& log);

}  // namespace penchant::evaluate
