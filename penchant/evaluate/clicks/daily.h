#pragma once
/// \file Click models that learn period by period, and the AUC of what they said before each. Layer 6.
#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/progress.h"
#include "penchant/evaluate/clicks/periods.h"
#include "penchant/learn/click/click_model.h"
#include "penchant/metrics/auc.h"

namespace penchant::evaluate {

/// Tells of the outcomes that all runs have finished; learns whether to go on. Threads: all calls are safe.
class RunProgress {
 public:
  RunProgress(const ProgressSink& sink, std::uint64_t total) : sink_(sink), total_(total) {}
  /// False: somebody wants to stop.
  bool add(std::uint64_t outcomes);
  [[nodiscard]] bool go_on() const { return go_on_; }

 private:
  const ProgressSink& sink_;  ///< outlives this; may be empty
  std::uint64_t total_;
  std::atomic<std::uint64_t> done_{0};
  std::atomic<bool> go_on_{true};
  std::mutex mutex_;  ///< guards the sink
};

/// Periods [first, last) in order: a judged one is scored before it is learned. The rows of a period are shuffled for
/// every pass.
struct DailyOptions {
  std::size_t first = 0, last = 0;
  std::size_t passes = 1;
  std::uint64_t seed = 1;  ///< of the order of rows
};
/// \param data row i is periods.outcomes[i] \param scores of the judged outcomes, [outcomes behind first_judged];
/// those of the periods that are gone through are written
void learn_daily(learn::ClickModel& model, const learn::ClickData& data, const Periods& periods, const DailyOptions& options,
                 std::span<float> scores, RunProgress& progress, Executor& executor);

/// The outcomes that are judged. Lives as long as the periods.
[[nodiscard]] std::span<const Outcome> judged_outcomes(const Periods& periods);

/// Numbers users 0, 1, … in order of appearance. \param users receives how many there are
[[nodiscard]] std::vector<std::uint32_t> dense_users(std::span<const Outcome> outcomes, std::size_t& users);

/// Some of the judged outcomes with their scores, ready for the AUC. \param users [judged], chosen places in it
[[nodiscard]] metrics::RankedOutcomes ranked(std::span<const Outcome> judged, std::span<const float> scores,
                                             std::span<const std::uint32_t> users, std::span<const std::size_t> chosen);

/// Standard deviation of the AUC over rankings of several seeds; 0 of one.
[[nodiscard]] double auc_spread(const std::vector<metrics::RankedOutcomes>& rankings);

}  // namespace penchant::evaluate
