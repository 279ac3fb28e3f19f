#pragma once
/// \file Small data for the tests of baselines: random logs, and a fit over all of them.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "penchant/base/rng.h"
#include "penchant/evaluate/model.h"
#include "penchant/evaluate/test_logs.h"

namespace penchant::evaluate {

/// A log of which every event is training, and a query for each user's whole history.
struct TrainingLog {
  EventLog log;
  TrainingData training;
  std::vector<Query> queries;
  std::vector<ValidationQuery> validation;

  explicit TrainingLog(EventLog events) : log(std::move(events)) {
    training.items = log.items();
    training.world_times = log.world_times;
    for (std::uint32_t u = 0; u < log.users(); ++u) {
      training.users.push_back(log.of(u));
      if (!log.of(u).empty()) queries.push_back({log.of(u), u, 0, queries.size()});
    }
  }
  TrainingLog(const TrainingLog&) = delete;
  TrainingLog& operator=(const TrainingLog&) = delete;
  [[nodiscard]] FitInput input(MatrixView<const float> content = {}, std::uint64_t seed = 1) const {
    return {.training = training,
            .validation = validation,
            .content = content,
            .removes_seen = true,
            .seed = seed};
  }
};

/// Users with 1 to `longest` events over the first `items` - 1 items, some more frequent than others,
/// repeats included; the last item has no event.
inline EventLog random_log(std::size_t users, std::uint32_t items, std::size_t longest, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<std::vector<Step>> steps(users);
  for (auto& mine : steps)
    for (std::size_t n = 1 + rng.below(longest); n > 0; --n) {
      const double skewed = rng.uniform() * rng.uniform();
      mine.push_back(
          {static_cast<std::uint32_t>(skewed * (items - 1)), static_cast<std::int64_t>(mine.size())});
    }
  EventLog log = log_of(steps, items);
  log.world_times = false;
  return log;
}

/// Items in groups of `size`; every user draws from one group only.
inline EventLog grouped_log(std::size_t users, std::uint32_t groups, std::uint32_t size, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<std::vector<Step>> steps(users);
  for (std::size_t u = 0; u < users; ++u)
    for (std::int64_t n = 0; n < 5; ++n)
      steps[u].push_back({static_cast<std::uint32_t>(u % groups * size + rng.below(size)), n});
  EventLog log = log_of(steps, groups * size);
  log.world_times = false;
  return log;
}

/// Scores of all queries in one call, [queries, items].
inline Matrix<float> scores_of(const Model& model, const TrainingLog& data) {
  Matrix<float> out(data.queries.size(), data.training.items);
  model.score(data.queries, out.view()).value();
  return out;
}

}  // namespace penchant::evaluate
