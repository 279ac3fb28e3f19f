#include "penchant/evaluate/split/times.h"

#include <algorithm>
#include <string>
#include <vector>

namespace penchant::evaluate {
namespace {

/// Times below this (April 1970) are positions inside a user, not moments in the world.
constexpr std::int64_t kFirstRealMoment = 10'000'000'000;

}  // namespace

Status check_world_times(const EventLog& log, std::string_view what) {
  const auto last = std::ranges::max_element(log.events, {}, &Interaction::time_ms);
  if (log.world_times && last != log.events.end() && last->time_ms >= kFirstRealMoment) return {};
  return invalid("the events carry positions, not times, so no " + std::string(what) +
                 " is possible: use --protocol last-out");
}

std::int64_t quantile_of_times(const EventLog& log, double q) {
  std::vector<std::int64_t> times;
  times.reserve(log.events.size());
  for (const auto& event : log.events) times.push_back(event.time_ms);
  const auto at = std::min(times.size() - 1, static_cast<std::size_t>(q * static_cast<double>(times.size())));
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(at), times.end());
  return times[at];
}

std::size_t first_at(const EventLog& log, std::size_t user, std::int64_t moment) {
  const auto events = log.of(user);
  return log.offsets[user] +
         static_cast<std::size_t>(std::ranges::lower_bound(events, moment, {}, &Interaction::time_ms) - events.begin());
}

}  // namespace penchant::evaluate
