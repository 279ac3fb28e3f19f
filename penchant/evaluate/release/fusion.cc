#include "penchant/evaluate/release/fusion.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <optional>

#include "penchant/rank/fit.h"

namespace penchant::evaluate {
namespace {

using Columns = std::vector<std::size_t>;  ///< features in use

constexpr std::array<double, 3> kShrinkage{0.1, 0.03, 0.01};  ///< strongest first
constexpr std::size_t kSeen = rank::column(rank::Feature::seen);
constexpr std::size_t kGenerator = rank::column(rank::Feature::generator);
constexpr std::size_t kCold = rank::column(rank::Feature::cold);
constexpr double kMostColdRaise = 10;  ///< above the most likely weight of "cold"

const rank::Weights& default_weights() {
  static const rank::Weights weights = rank::Ranker().weights(rank::Task::recommend);
  return weights;
}

/// What to fit: `used` features carry their default weight, those of `free` may leave it.
struct Plan {
  Columns used, free;
  double l2 = 0;
};

/// The list as fit_weights reads it: free features, and the default score as the offset.
rank::FitList to_fit_list(const FusionList& from, const Plan& plan) {
  const std::size_t rows = from.features.rows();
  rank::FitList out{Matrix<float>(rows, plan.free.size()), from.target, std::vector<float>(rows)};
  for (std::size_t r = 0; r < rows; ++r) {
    double offset = std::log(static_cast<double>(from.stands_for[r]));
    for (const std::size_t f : plan.used)
      offset += default_weights()[f] * static_cast<double>(from.features(r, f));
    out.offsets[r] = static_cast<float>(offset);
    for (std::size_t c = 0; c < plan.free.size(); ++c) out.features(r, c) = from.features(r, plan.free[c]);
  }
  return out;
}

std::size_t fold_of(std::span<const FusionList> lists, std::size_t i, std::size_t folds) { return lists[i].user.value_or(static_cast<std::uint32_t>(i)) % folds; }

/// Weights fitted on all lists but those of fold `without`.
Result<rank::Weights> fit(std::span<const FusionList> lists, const Plan& plan, std::size_t folds,
                          std::optional<std::size_t> without) {
  std::vector<rank::FitList> chosen;
  for (std::size_t i = 0; i < lists.size(); ++i)
    if (!without || fold_of(lists, i, folds) != *without) chosen.push_back(to_fit_list(lists[i], plan));
  PENCHANT_TRY(report, rank::fit_weights(chosen, {.l2 = plan.l2, .iterations = 20, .tolerance = 1e-6}));
  rank::Weights weights{};
  for (const std::size_t f : plan.used) weights[f] = default_weights()[f];
  for (std::size_t c = 0; c < plan.free.size(); ++c) weights[plan.free[c]] += report.weights[c];
  return weights;
}

/// Fused score of one row.
double fused(const FusionList& list, std::size_t row, const rank::Weights& weights) {
  double sum = 0;
  for (std::size_t f = 0; f < list.features.cols(); ++f) sum += weights[f] * static_cast<double>(list.features(row, f));
  return sum;
}

/// How weights do on one list they were not fitted on.
struct Outcome {
  double ndcg10 = 0;
  double loss = 0;  ///< negative log-likelihood of the target
};

/// A sampled row counts as often as it stands for, in the rank and in the likelihood.
Outcome judge(const FusionList& list, const rank::Weights& weights, bool remove_seen) {
  if (remove_seen && list.seen[list.target] != 0) return {};  // cannot be hit, whatever the weights
  const double bar = fused(list, list.target, weights);
  double rank = 0, mass = 0;
  for (std::size_t r = 0; r < list.features.rows(); ++r) {
    if (remove_seen && list.seen[r] != 0) continue;
    const double above = fused(list, r, weights) - bar;
    const double rows = static_cast<double>(list.stands_for[r]);
    if (above >= 0) rank += rows;
    mass += rows * std::exp(std::min(above, 500.0));
  }
  return {rank <= 10 ? 1 / std::log2(1 + rank) : 0, std::log(mass)};
}

/// One cross-validation: what to fit, and what it came to.
struct Trial {
  Plan plan;
  std::vector<double> ndcg10;  ///< [lists], each by the fit that did not see it
  std::vector<double> loss;    ///< [lists]
};

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double mean_ndcg10(const Trial& trial) { return mean(trial.ndcg10); }
double mean_loss(const Trial& trial) { return mean(trial.loss); }

/// Runs all folds of all trials in parallel.
Status cross_validate(std::span<const FusionList> lists, bool remove_seen, std::size_t folds,
                      std::span<Trial> trials, Executor& executor) {
  for (Trial& trial : trials) {
    trial.ndcg10.assign(lists.size(), 0);
    trial.loss.assign(lists.size(), 0);
  }
  std::vector<std::optional<Error>> errors(trials.size() * folds);
  executor.parallel_for(trials.size() * folds, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t job = begin; job < end; ++job) {
      Trial& trial = trials[job / folds];
      const std::size_t fold = job % folds;
      const auto weights = fit(lists, trial.plan, folds, fold);
      if (!weights.ok()) {
        errors[job] = weights.error();
        continue;
      }
      for (std::size_t i = 0; i < lists.size(); ++i) {
        if (fold_of(lists, i, folds) != fold) continue;
        const Outcome outcome = judge(lists[i], *weights, remove_seen);
        trial.ndcg10[i] = outcome.ndcg10;
        trial.loss[i] = outcome.loss;
      }
    }
  });
  for (auto& error : errors)
    if (error) return std::move(*error);
  return {};
}

/// Mean of a[i] - b[i] in units of its standard error; 0 when they never differ.
double paired_z(const std::vector<double>& a, const std::vector<double>& b) {
  const double n = static_cast<double>(a.size()), difference = mean(a) - mean(b);
  double square = 0;
  for (std::size_t i = 0; i < a.size(); ++i) square += std::pow(a[i] - b[i] - difference, 2);
  const double error = std::sqrt(square / (n * (n - 1)));
  if (error > 0) return difference / error;
  return difference == 0 ? 0 : std::copysign(1e9, difference);
}

/// Features that differ between candidates of at least one list.
Columns varying_columns(std::span<const FusionList> lists) {
  Columns columns;
  for (std::size_t f = 0; f < lists.front().features.cols(); ++f) {
    const bool varies = std::ranges::any_of(lists, [&](const FusionList& list) {
      for (std::size_t r = 1; r < list.features.rows(); ++r)
        if (list.features(r, f) != list.features(0, f)) return true;
      return false;
    });
    if (varies && f != kCold) columns.push_back(f);  // kCold has its rehearsal
  }
  return columns;
}

Status check(std::span<const FusionList> lists) {
  for (std::size_t i = 0; i < lists.size(); ++i) {
    const FusionList& list = lists[i];
    const std::size_t rows = list.features.rows(), width = list.features.cols();
    if (width == 0 || width > rank::kFeatures || width != lists[0].features.cols() || list.target >= rows ||
        list.seen.size() != rows || list.stands_for.size() != rows ||
        !std::ranges::all_of(list.stands_for, [](float n) { return n >= 1; }))
      return invalid("fusion list " + std::to_string(i) + ": its parts do not fit together");
  }
  return {};
}

bool tell(const ProgressSink& progress, std::uint64_t done, double ndcg10) {
  return !progress || progress({"fit fusion", done, 0, "validation NDCG@10 " + std::to_string(ndcg10).substr(0, 6)});
}

/// The best shrinkage, then backward elimination.
Result<Trial> search(std::span<const FusionList> lists, bool remove_seen, const FusionOptions& options,
                     std::size_t folds, Executor& executor, const ProgressSink& progress) {
  const Error cancelled{ErrorCode::cancelled, "fitting the fusion was cancelled"};
  const Columns all = varying_columns(lists);
  std::vector<Trial> trials;
  for (const double l2 : kShrinkage) trials.push_back({.plan = {all, all, l2}});
  if (!tell(progress, 0, 0)) return cancelled;
  PENCHANT_DO(cross_validate(lists, remove_seen, folds, trials, executor));
  // The strongest shrinkage that is within a standard error of the best.
  const auto least = std::ranges::min_element(trials, {}, mean_loss);
  Trial best =
      *std::ranges::find_if(trials, [&](const Trial& t) { return paired_z(t.loss, least->loss) < 1; });
  for (std::uint64_t round = 1; best.plan.used.size() > 1; ++round) {
    if (!tell(progress, round, mean_ndcg10(best))) return cancelled;
    trials.clear();
    for (const std::size_t dropped : best.plan.used) {
      // Without seen items in the list this one cannot help there; it is what orders the other list.
      if (remove_seen && dropped == kSeen) continue;
      Plan plan = best.plan;
      std::erase(plan.used, dropped);
      std::erase(plan.free, dropped);
      trials.push_back({.plan = std::move(plan)});
    }
    if (trials.empty()) break;
    PENCHANT_DO(cross_validate(lists, remove_seen, folds, trials, executor));
    // The best of several noisy figures is too good: likelihood must agree.
    std::erase_if(trials, [&](const Trial& trial) { return mean_loss(trial) > mean_loss(best); });
    const auto next = std::ranges::max_element(trials, {}, mean_ndcg10);
    if (next == trials.end() || !(mean_ndcg10(*next) > mean_ndcg10(best) + options.margin)) break;
    best = Trial(*next);
  }
  return best;
}

/// The generator says nearly what the dense head says, so a fit may set one off against the other. It finds candidates:
/// what speaks against those it finds is left out.
Status drop_contrary_generator(std::span<const FusionList> lists, bool remove_seen, std::size_t folds, Trial& best, Executor& executor) {
  if (std::ranges::find(best.plan.used, kGenerator) == best.plan.used.end() || best.plan.used.size() == 1) return {};
  PENCHANT_TRY(weights, fit(lists, best.plan, folds, std::nullopt));
  if (weights[kGenerator] >= 0) return {};
  Trial without{.plan = best.plan};
  std::erase(without.plan.used, kGenerator);
  std::erase(without.plan.free, kGenerator);
  PENCHANT_DO(cross_validate(lists, remove_seen, folds, {&without, 1}, executor));
  best = std::move(without);
  return {};
}

bool is_new(const FusionList& list, std::size_t row) { return kCold < list.features.cols() && list.features(row, kCold) != 0; }

/// How much of the first places new items take, for any weight of "cold".
class NewItemPlaces {
 public:
  /// \param weights 0 for "cold"
  NewItemPlaces(std::span<const FusionList> lists, const rank::Weights& weights, bool remove_seen) {
    for (const FusionList& list : lists) {
      std::vector<Row> known, fresh;
      for (std::size_t r = 0; r < list.stands_for.size(); ++r) {
        if (remove_seen && list.seen[r] != 0) continue;
        (is_new(list, r) ? fresh : known).push_back({fused(list, r, weights), static_cast<double>(list.stands_for[r])});
      }
      std::ranges::sort(known, std::greater<>(), &Row::score);
      std::ranges::sort(fresh, std::greater<>(), &Row::score);
      known_.push_back(std::move(known));
      fresh_.push_back(std::move(fresh));
    }
  }

  /// Of kPlaces places on average. A row that stands for several items takes as many places.
  [[nodiscard]] double share(double cold) const {
    double taken = 0;
    for (std::size_t i = 0; i < known_.size(); ++i) {
      double left = kPlaces;
      for (auto k = known_[i].begin(), f = fresh_[i].begin(); left > 0 && f != fresh_[i].end();) {
        const bool next_is_new = k == known_[i].end() || f->score + cold > k->score;
        const double items = std::min(left, next_is_new ? f->items : k->items);
        left -= items;
        if (next_is_new) taken += items, ++f;
        else ++k;
      }
    }
    return taken / (kPlaces * static_cast<double>(known_.size()));
  }

 private:
  static constexpr double kPlaces = 10;
  struct Row {
    double score, items;
  };
  std::vector<std::vector<Row>> known_, fresh_;  ///< [lists], best first
};

}  // namespace

Result<FusionReport> choose_weights(std::span<const FusionList> lists, bool remove_seen,
                                    const FusionOptions& options, Executor& executor,
                                    const ProgressSink& progress) {
  PENCHANT_DO(check(lists));
  FusionReport report{.lists = lists.size(), .weights = default_weights()};
  const std::size_t folds = std::max<std::size_t>(options.folds, 2);
  if (lists.size() < 10 * folds) {
    report.why = "only " + std::to_string(lists.size()) + " validation events, at least " +
                 std::to_string(10 * folds) + " are needed";
    return report;
  }
  std::vector<double> by_default;
  for (const FusionList& list : lists) by_default.push_back(judge(list, report.weights, remove_seen).ndcg10);
  report.default_ndcg10 = mean(by_default);
  const Columns all = varying_columns(lists);
  if (all.empty()) {
    report.why = "no feature tells the candidates apart";
    return report;
  }
  PENCHANT_TRY(best, search(lists, remove_seen, options, folds, executor, progress));
  PENCHANT_DO(drop_contrary_generator(lists, remove_seen, folds, best, executor));
  report.ndcg10 = mean_ndcg10(best);
  // Likelihood, which the fit maximises, is the sharper measure; NDCG@10 has a veto.
  report.fitted = paired_z(best.ndcg10, by_default) > -1;
  if (!report.fitted) {
    report.why = "the default weights rank the validation events better";
    const bool has_seen = std::ranges::find(all, kSeen) != all.end();
    if (!has_seen) return report;
    best.plan = {all, {kSeen}, kShrinkage.back()};
  }
  PENCHANT_TRY(weights, fit(lists, best.plan, folds, std::nullopt));
  report.weights = weights;
  report.l2 = best.plan.l2;
  for (const std::size_t f : all)
    if (std::ranges::find(best.plan.used, f) == best.plan.used.end())
      report.dropped.emplace_back(rank::name_of(static_cast<rank::Feature>(f)));
  return report;
}

Result<double> choose_cold_weight(std::span<const FusionList> rehearsal, const rank::Weights& weights, bool remove_seen,
                                  const FusionOptions& options) {
  PENCHANT_DO(check(rehearsal));
  rank::Weights others = weights;
  others[kCold] = 0;
  std::vector<rank::FitList> lists;
  std::size_t fresh = 0;
  for (const FusionList& from : rehearsal) {
    const std::size_t rows = from.features.rows();
    rank::FitList list{Matrix<float>(rows, 1), from.target, std::vector<float>(rows)};
    for (std::size_t r = 0; r < rows; ++r) {
      list.offsets[r] = static_cast<float>(std::log(static_cast<double>(from.stands_for[r])) + fused(from, r, others));
      list.features(r, 0) = is_new(from, r) ? 1 : 0;
    }
    fresh += is_new(from, from.target) ? 1 : 0;
    lists.push_back(std::move(list));
  }
  if (fresh < kLeastNewTargets) return 0.0;
  PENCHANT_TRY(report, rank::fit_weights(lists, {.l2 = 1e-4}));
  const double wanted = options.new_share * static_cast<double>(fresh) / static_cast<double>(lists.size());
  const NewItemPlaces places(rehearsal, others, remove_seen);
  double low = report.weights[0], high = low + kMostColdRaise;
  if (places.share(low) >= wanted) return low;
  for (int step = 0; step < 40; ++step) (places.share((low + high) / 2) < wanted ? low : high) = (low + high) / 2;
  return high;
}

}  // namespace penchant::evaluate
