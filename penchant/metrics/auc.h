#pragma once
/// \file Area under the ROC curve, alone and under resampling of users. Layer 2.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/metrics/bootstrap.h"

namespace penchant::metrics {

/// Scores sorted once, so that the AUC under any weights of the users costs one pass. The AUC is the
/// chance that a positive example scores above a negative one; an equal score counts half (Hanley,
/// McNeil 1982). Immutable; threads: const calls are safe together.
class RankedOutcomes {
 public:
  /// \param scores, positive, users [n] each; a NaN score counts as the lowest
  RankedOutcomes(std::span<const float> scores, std::span<const std::uint8_t> positive,
                 std::span<const std::uint32_t> users);
  /// NaN where there is no positive or no negative example.
  [[nodiscard]] double auc() const;
  /// Every example counts as often as its user was drawn. \param drawn [users]
  [[nodiscard]] double auc(std::span<const std::uint16_t> drawn) const;

 private:
  struct Entry {
    std::uint32_t user = 0;
    bool positive = false;
    bool ends = false;  ///< the next entry scores more
  };
  template <class Weight>
  [[nodiscard]] double area(const Weight& weight) const;
  std::vector<Entry> entries_;  ///< [n], ascending by score
};

[[nodiscard]] double auc(std::span<const float> scores, std::span<const std::uint8_t> positive);

/// Intervals of mean AUCs: every column is a model, its AUC the mean over its rankings (one per seed).
struct AucEstimates {
  std::vector<Estimate> columns;      ///< [columns]
  std::vector<Estimate> differences;  ///< [pairs]
};
/// Percentile bootstrap over users, all columns on the same resamples; a resample in which some AUC is
/// not defined is left out. The same seed gives the same intervals on any number of threads.
/// \param columns rankings of the same examples, at least one each; users below `users`
AucEstimates estimate_auc(std::span<const std::vector<RankedOutcomes>> columns, std::size_t users,
                          std::span<const ColumnPair> pairs, const BootstrapOptions& options,
                          Executor& executor);

}  // namespace penchant::metrics
