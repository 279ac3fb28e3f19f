#pragma once
/// \file From a history to the input of the sequence model. Layer 5.
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "penchant/base/result.h"
#include "penchant/nn/sequence_model.h"
#include "penchant/recommend/release_model.h"
#include "penchant/recommend/scorer.h"

namespace penchant::recommend {

/// Inputs of history[begin, end): the vectors are views of `tables`. The time gap of an event is
/// counted from the event before it, also where that one lies before `begin`.
/// \param history every item row below tables.rows()
[[nodiscard]] std::vector<nn::EventInput> event_inputs(const ReleaseModel& model, const ItemTables& tables,
                                                       std::span<const HistoryEvent> history, std::size_t begin);

/// A window that is full moves by this part of itself: until it moves again, a new event is one step of the network and
/// not the whole window read anew.
inline constexpr std::size_t kHops = 8;
/// First event of the window that the model reads: the newest max_len, less up to an eighth where there are more.
[[nodiscard]] std::size_t window_begin(const ReleaseModel& model, std::size_t events) noexcept;

/// State after the events from window_begin() on, asked at `at_ms` (0: at a moment that is not known); empty hidden when there is no event.
Result<nn::UserState> encode_history(const ReleaseModel& model, const ItemTables& tables,
                                     std::span<const HistoryEvent> history, std::int64_t at_ms = 0);

/// Lets `state`, which has read `history`, know when it is asked (as encode_history).
void ask_at(const ReleaseModel& model, std::span<const HistoryEvent> history, std::int64_t at_ms, nn::UserState& state);

/// A copy of the first `length` positions of `state`; its hidden vector is empty.
[[nodiscard]] nn::UserState prefix_of(const nn::UserState& state, std::uint32_t length, std::size_t dim);

}  // namespace penchant::recommend
