#pragma once
/// \file Proof that a data set holds nothing of what its hold-out keeps back. Layer 5.
#include "penchant/base/result.h"
#include "penchant/learn/dataset.h"
#include "penchant/learn/event_reader.h"

namespace penchant::learn {

/// Counts again, from the table and the rule of the hold-out alone, what training, validation and the
/// tables fitted on events may hold; called by load_dataset. O(events).
/// \param held_out Holdout::cold: [items], 1 = nothing may be fitted on it; else empty
/// \return internal, naming the user row or item row and what it holds too much of
Status check_no_leak(const EventTable& table, const DatasetOptions& options, const Cut& cut,
                     std::span<const std::uint8_t> held_out, const TrainingData& data);

/// Whether two data sets were fitted to the same: histories, validation, actions, counts, codebooks and
/// the codes of items that are not held out. Made from stores that differ only in what is held out, they
/// must be. \return internal naming the first part that differs
Status check_same_fit(const Dataset& a, const Dataset& b);

}  // namespace penchant::learn
