#pragma once
/// \file Outcomes as rows of a click model: the user's strictly older outcomes and the time. Layer 6.
#include "penchant/evaluate/clicks/periods.h"
#include "penchant/learn/click/click_data.h"

namespace penchant::evaluate {

/// Row i is periods.outcomes[i]. Its history is every real outcome of the user with an earlier time, so
/// that what is shown together never helps to guess each other. Context, nine numbers around -1..1:
/// share of positives in the history (shrunk towards a half), how long it is (positives, others), whether
/// it is empty, time since its last outcome, hour of the day and weekday (UTC, as points on circles).
/// \param users rows that outcomes name are below it
[[nodiscard]] learn::ClickData click_data(const Periods& periods, std::size_t users);

}  // namespace penchant::evaluate
