#include "penchant/evaluate/baselines/popularity_recent.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace penchant::evaluate {

Status PopularityRecent::fit(const FitInput& input, Executor&, const ProgressSink&) {
  constexpr double kDay = 86'400'000;
  const TrainingData& training = input.training;
  std::vector<double> recent(training.items, 0);
  if (training.world_times) {
    std::int64_t newest = std::numeric_limits<std::int64_t>::min();
    for (const auto events : training.users)
      for (const auto& event : events) newest = std::max(newest, event.time_ms);
    for (const auto events : training.users)
      for (const auto& event : events)
        if (static_cast<double>(newest) - static_cast<double>(event.time_ms) < settings_.days * kDay)
          recent[event.item] += 1;
  } else {
    for (const auto events : training.users) {
      const auto wanted =
          static_cast<std::size_t>(std::ceil(settings_.share * static_cast<double>(events.size())));
      for (const auto& event : events.last(std::min(events.size(), std::max<std::size_t>(wanted, 1))))
        recent[event.item] += 1;
    }
  }
  const auto all = training.item_counts();
  const double most = all.empty() ? 0 : *std::ranges::max_element(all);
  scores_.resize(training.items);
  for (std::size_t i = 0; i < scores_.size(); ++i)
    scores_[i] = static_cast<float>(recent[i] + all[i] / (most + 1));
  return {};
}

Status PopularityRecent::score(std::span<const Query> queries, MatrixView<float> out) const {
  for (std::size_t q = 0; q < queries.size(); ++q) std::ranges::copy(scores_, out.row(q).begin());
  return {};
}

}  // namespace penchant::evaluate
