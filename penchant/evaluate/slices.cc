#include "penchant/evaluate/slices.h"

#include <algorithm>
#include <array>
#include <limits>

namespace penchant::evaluate {
namespace {

/// How many of `bounds` are below the value: bounds are the largest values of all slices but the last.
template <class Number, std::size_t n>
std::uint8_t slice_of(Number value, const std::array<Number, n>& bounds) {
  return static_cast<std::uint8_t>(std::ranges::lower_bound(bounds, value) - bounds.begin());
}

SliceDimension by_age(const Split& split, std::span<const Case> cases) {
  SliceDimension age{"item-age", {"never seen", "<7 days", "7-30 days", "30-180 days", ">180 days"}, {}};
  constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::max();
  std::vector<std::int64_t> first(split.log().items(), kNone);
  for (const auto& event : split.log().events) first[event.item] = std::min(first[event.item], event.time_ms);
  constexpr std::array<std::int64_t, 3> kBounds{7 * kDayMs - 1, 30 * kDayMs - 1, 180 * kDayMs - 1};
  for (const Case& c : cases) {
    const std::int64_t since = first[c.target];
    age.of.push_back(since >= c.at_ms ? 0 : static_cast<std::uint8_t>(1 + slice_of(c.at_ms - since, kBounds)));
  }
  return age;
}

}  // namespace

std::vector<SliceDimension> slice_cases(const Split& split, std::span<const Case> cases) {
  const TrainingData training = split.training();
  const auto counts = training.item_counts();
  SliceDimension frequency{"item-frequency", {"0", "1-5", "6-20", ">20"}, {}};
  SliceDimension user{"user", {"new", "known"}, {}};
  SliceDimension length{"history-length", {"1-5", "6-20", "21-100", ">100"}, {}};
  for (const Case& c : cases) {
    frequency.of.push_back(slice_of(counts[c.target], std::array<std::uint32_t, 3>{0, 5, 20}));
    user.of.push_back(training.users[c.user].empty() ? 0 : 1);
    length.of.push_back(slice_of(split.history(c).size(), std::array<std::size_t, 3>{5, 20, 100}));
  }
  std::vector<SliceDimension> all{std::move(frequency), std::move(user), std::move(length)};
  if (split.log().world_times) all.push_back(by_age(split, cases));
  if (!split.groups().empty()) {
    SliceDimension group{"group", {split.groups().begin(), split.groups().end()}, {}};
    for (const Case& c : cases) group.of.push_back(c.group);
    all.push_back(std::move(group));
  }
  return all;
}

}  // namespace penchant::evaluate
