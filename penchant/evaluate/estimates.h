#pragma once
/// \file From ranks to figures: per-user values, intervals, slices, comparisons, winners. Layer 6.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"
#include "penchant/evaluate/ranking.h"
#include "penchant/evaluate/runner.h"
#include "penchant/evaluate/slices.h"

namespace penchant::evaluate {

/// What is known of a column beside its ranking.
struct RankedColumn {
  Ranking ranking;
  bool baseline = false;
  bool seen_in_training = false;
  double fit_seconds = 0;
};

/// Every user's mean over their cases, of every metric that is a mean over users.
struct UserValues {
  std::vector<std::uint32_t> users;  ///< [rows] of the log, ascending
  std::vector<std::string> names;    ///< [metrics] of one ranking
  Matrix<double> values;             ///< [users, rankings * metrics]
  [[nodiscard]] std::size_t column(std::size_t ranking, std::size_t metric) const {
    return ranking * names.size() + metric;
  }
};

/// \param cases in order of user, as ranked
UserValues user_values(std::span<const Case> cases, std::span<const RankedColumn> columns);
/// Adds `more` to `sum`, keeping the users that both have. Same columns.
void add_values(UserValues& sum, const UserValues& more);

/// Values and where they could have fallen; rows are resamples.
struct Resampled {
  std::vector<double> exact;  ///< [columns]
  Matrix<double> means;       ///< [resamples, columns]
  [[nodiscard]] metrics::Estimate column(std::size_t c) const;
  [[nodiscard]] metrics::Estimate difference(std::size_t a, std::size_t b) const;
};
Resampled resample_users(MatrixView<const double> values, const RunOptions& options, Executor& executor);

/// One result per column, of one seed.
std::vector<ModelResult> results_of(std::span<const RankedColumn> columns, const UserValues& values,
                                    const Resampled& resampled, std::span<const Case> cases,
                                    std::span<const SliceDimension> slices, const RunOptions& options,
                                    Executor& executor);
/// One result per column, over seeds. \param by_seed [seeds][columns]; \param values means over seeds
std::vector<ModelResult> results_over_seeds(std::span<const std::vector<ModelResult>> by_seed,
                                            const UserValues& values, const Resampled& resampled);

/// Adds comparisons and winners of one tie order to the report.
void compare(std::span<const ModelResult> results, const UserValues& values, const Resampled& resampled,
             const RunOptions& options, Report& report);

}  // namespace penchant::evaluate
