#include "penchant/learn/refit.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace penchant::learn {

TrainingData with_validation_events(const TrainingData& data) {
  TrainingData out = data;
  out.validation.clear();
  const Histories& from = data.train;
  std::vector<std::size_t> cases(data.validation.size());
  std::iota(cases.begin(), cases.end(), std::size_t{0});
  std::ranges::stable_sort(cases, {}, [&](std::size_t c) { return std::pair(data.validation[c].user, data.validation[c].time_ms); });
  Histories to;
  to.offsets = {0};
  auto next = cases.begin();
  for (std::size_t u = 0; u < from.users(); ++u) {
    const auto begin = static_cast<std::ptrdiff_t>(from.offsets[u]), end = static_cast<std::ptrdiff_t>(from.offsets[u + 1]);
    const auto append = [&](auto& values, const auto& old) { values.insert(values.end(), old.begin() + begin, old.begin() + end); };
    append(to.items, from.items);
    append(to.actions, from.actions);
    append(to.times_ms, from.times_ms);
    append(to.is_target, from.is_target);
    for (; next != cases.end() && data.validation[*next].user == u; ++next) {
      const ValidationCase& added = data.validation[*next];
      to.items.push_back(added.target);
      to.actions.push_back(to.actions.empty() ? 0 : to.actions.back());
      to.times_ms.push_back(std::max(added.time_ms, to.times_ms.empty() ? added.time_ms : to.times_ms.back() + 1));
      to.is_target.push_back(1);
    }
    to.offsets.push_back(to.items.size());
  }
  out.train = std::move(to);
  count_events(out);
  return out;
}

Result<TrainedModel> train_then_refit(const TrainingData& data, const TrainOptions& options, const TrainSink& sink) {
  PENCHANT_TRY(first, train(data, options, sink));
  if (data.validation.empty()) return first;
  TrainOptions again = options;
  again.stop_after = first.best_epoch;
  again.checkpoint.clear();
  again.resume = false;
  const TrainSink second_sink = [&](TrainProgress p) {
    p.phase = "with validation events";
    return sink(p);
  };
  PENCHANT_TRY(second, train(with_validation_events(data), again, sink ? second_sink : sink));
  second.epochs = std::move(first.epochs);
  second.best_epoch = first.best_epoch;
  second.best_ndcg10 = first.best_ndcg10;
  return second;
}

}  // namespace penchant::learn
