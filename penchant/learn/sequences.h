#pragma once
/// \file Histories as files: what a baseline is trained on, and what it is asked. Layer 5.
/// Bytes: docs/formats/sequences.md.
#include <string>

#include "penchant/base/result.h"
#include "penchant/learn/training_data.h"

namespace penchant::learn {

/// Training histories, validation cases and content where the file has it. Events have no times: their
/// order is all there is.
/// \return not_found, io, or corrupt naming the tensor and row
Result<TrainingData> read_sequences(const std::string& path);

/// Histories to be encoded, each with at least one event; items below `items`.
/// \return not_found, io, or corrupt naming the tensor and row
Result<Histories> read_histories(const std::string& path, std::uint32_t items);

}  // namespace penchant::learn
