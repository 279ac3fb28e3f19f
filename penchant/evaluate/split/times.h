#pragma once
/// \file Moments of a log, for the protocols that cut by them. Layer 6; of split*.cc alone.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "penchant/base/result.h"
#include "penchant/evaluate/event_log.h"

namespace penchant::evaluate {

/// invalid_argument when times are positions: "so no <what> is possible".
Status check_world_times(const EventLog& log, std::string_view what);
/// The time below which the share `q` of all events lies; the log must not be empty.
std::int64_t quantile_of_times(const EventLog& log, double q);
/// First event of the user at or after `moment`, absolute; the user's end when there is none.
std::size_t first_at(const EventLog& log, std::size_t user, std::int64_t moment);

}  // namespace penchant::evaluate
