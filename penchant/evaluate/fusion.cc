#include "penchant/evaluate/fusion.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "penchant/metrics/ranking.h"

namespace penchant::evaluate {
namespace {

using Columns = std::vector<std::size_t>;  ///< features in use

rank::FitList with_columns(const rank::FitList& from, const Columns& columns) {
  rank::FitList out{Matrix<float>(from.features.rows(), columns.size()), from.target};
  for (std::size_t r = 0; r < from.features.rows(); ++r)
    for (std::size_t c = 0; c < columns.size(); ++c) out.features(r, c) = from.features(r, columns[c]);
  return out;
}

rank::FitOptions quick() { return {.l2 = 1e-3, .iterations = 20, .tolerance = 1e-6}; }

/// Weights [kFeatures] fitted on all lists but those of `without` (none: all lists).
Result<rank::Weights> fit(std::span<const FusionList> lists, const Columns& columns, std::size_t folds,
                          std::optional<std::size_t> without) {
  std::vector<rank::FitList> chosen;
  for (std::size_t i = 0; i < lists.size(); ++i)
    if (!without || i % folds != *without) chosen.push_back(with_columns(lists[i].list, columns));
  PENCHANT_TRY(report, rank::fit_weights(chosen, quick()));
  rank::Weights weights{};
  for (std::size_t c = 0; c < columns.size(); ++c) weights[columns[c]] = report.weights[c];
  return weights;
}

double ndcg_of(const FusionList& list, const rank::Weights& weights, bool remove_seen) {
  const auto& features = list.list.features;
  std::vector<float> scores(features.rows());
  std::vector<std::uint32_t> removed;
  for (std::size_t r = 0; r < features.rows(); ++r) {
    double sum = 0;
    for (std::size_t f = 0; f < features.cols(); ++f) sum += weights[f] * static_cast<double>(features(r, f));
    scores[r] = static_cast<float>(sum);
    if (remove_seen && list.seen[r] != 0) removed.push_back(static_cast<std::uint32_t>(r));
  }
  return metrics::ndcg_at(metrics::pessimistic_rank(scores, list.list.target, removed), 10);
}

/// One cross-validation: a set of features, and what it came to.
struct Trial {
  Columns columns;
  std::vector<double> fold_sum;  ///< [folds]
  double ndcg10 = 0;
};

/// Runs all folds of all trials in parallel.
Status cross_validate(std::span<const FusionList> lists, bool remove_seen, std::size_t folds,
                      std::span<Trial> trials, Executor& executor) {
  for (Trial& trial : trials) trial.fold_sum.assign(folds, 0);
  std::vector<std::optional<Error>> errors(trials.size() * folds);
  executor.parallel_for(trials.size() * folds, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t job = begin; job < end; ++job) {
      Trial& trial = trials[job / folds];
      const std::size_t fold = job % folds;
      auto weights = fit(lists, trial.columns, folds, fold);
      if (!weights.ok()) {
        errors[job] = std::move(weights).error();
        continue;
      }
      for (std::size_t i = fold; i < lists.size(); i += folds)
        trial.fold_sum[fold] += ndcg_of(lists[i], *weights, remove_seen);
    }
  });
  for (auto& error : errors)
    if (error) return std::move(*error);
  for (Trial& trial : trials)
    trial.ndcg10 = std::accumulate(trial.fold_sum.begin(), trial.fold_sum.end(), 0.0) /
                   static_cast<double>(lists.size());
  return {};
}

/// Features that differ between candidates of at least one list.
Columns varying_columns(std::span<const FusionList> lists) {
  Columns columns;
  for (std::size_t f = 0; f < lists.front().list.features.cols(); ++f) {
    const bool varies = std::ranges::any_of(lists, [&](const FusionList& list) {
      const auto& features = list.list.features;
      for (std::size_t r = 1; r < features.rows(); ++r)
        if (features(r, f) != features(0, f)) return true;
      return false;
    });
    if (varies) columns.push_back(f);
  }
  return columns;
}

std::string name_of_column(std::size_t column) {
  return std::string(rank::name_of(static_cast<rank::Feature>(column)));
}

}  // namespace

Result<FusionReport> choose_weights(std::span<const FusionList> lists, bool remove_seen,
                                    const FusionOptions& options, Executor& executor,
                                    const ProgressSink& progress) {
  FusionReport report;
  report.users = lists.size();
  report.weights = rank::Ranker().weights(rank::Task::recommend);
  const std::size_t folds = std::max<std::size_t>(options.folds, 2);
  if (lists.size() < 10 * folds) {
    report.why = "only " + std::to_string(lists.size()) + " validation users, at least " +
                 std::to_string(10 * folds) + " are needed";
    return report;
  }
  for (std::size_t i = 0; i < lists.size(); ++i)
    if (lists[i].list.features.cols() > rank::kFeatures || lists[i].seen.size() != lists[i].list.features.rows())
      return invalid("fusion list " + std::to_string(i) + ": features and seen marks do not fit together");
  for (const FusionList& list : lists)
    report.default_ndcg10 += ndcg_of(list, report.weights, remove_seen) / static_cast<double>(lists.size());

  std::vector<Trial> trials{{varying_columns(lists), {}, 0}};
  if (trials[0].columns.empty()) {
    report.why = "no feature tells the candidates apart";
    return report;
  }
  PENCHANT_DO(cross_validate(lists, remove_seen, folds, trials, executor));
  Trial best = trials[0];
  for (std::size_t round = 1; best.columns.size() > 1; ++round) {
    if (progress && !progress({"fit fusion", round, 0, "NDCG@10 among candidates " + std::to_string(best.ndcg10)}))
      return Error{ErrorCode::cancelled, "fitting the fusion was cancelled"};
    trials.clear();
    for (const std::size_t dropped : best.columns) {
      // Without seen items in the list this one cannot help there; it is what orders the other list.
      if (remove_seen && dropped == rank::column(rank::Feature::seen)) continue;
      Trial trial;
      for (const std::size_t column : best.columns)
        if (column != dropped) trial.columns.push_back(column);
      trials.push_back(std::move(trial));
    }
    if (trials.empty()) break;
    PENCHANT_DO(cross_validate(lists, remove_seen, folds, trials, executor));
    const auto next = std::ranges::max_element(trials, {}, &Trial::ndcg10);
    if (!(next->ndcg10 > best.ndcg10)) break;
    best = *next;
  }
  report.ndcg10 = best.ndcg10;
  if (!(best.ndcg10 > report.default_ndcg10)) {
    report.why = "the default weights rank the validation events at least as well";
    return report;
  }
  PENCHANT_TRY(weights, fit(lists, best.columns, folds, std::nullopt));
  report.weights = weights;
  report.fitted = true;
  for (std::size_t f = 0; f < lists.front().list.features.cols(); ++f)
    (std::ranges::find(best.columns, f) != best.columns.end() ? report.features : report.dropped)
        .push_back(name_of_column(f));
  return report;
}

}  // namespace penchant::evaluate
