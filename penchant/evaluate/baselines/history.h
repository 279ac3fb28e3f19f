#pragma once
/// \file A history as a short list of weighted items: how most baselines read it. Layer 6.
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/evaluate/event_log.h"

namespace penchant::evaluate {

struct WeightedItem {
  std::uint32_t item = 0;
  float weight = 0;
};

/// Each distinct item of a history once, newest first, with weight decay^age of its newest event
/// (age 0 = the newest event of the history). decay in (0, 1]; weights below 1e-6 are left out.
/// \param out overwritten
void weigh_history(std::span<const Interaction> history, double decay, std::vector<WeightedItem>& out);

/// Distinct items of every user, ascending; of users as given.
[[nodiscard]] std::vector<std::vector<std::uint32_t>> distinct_items(
    std::span<const std::span<const Interaction>> users);

/// The other way round: users of every item, ascending. \param items rows of the catalogue
[[nodiscard]] std::vector<std::vector<std::uint32_t>> users_of_items(
    std::span<const std::vector<std::uint32_t>> items_of_users, std::size_t items);

}  // namespace penchant::evaluate
