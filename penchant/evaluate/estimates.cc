#include "penchant/evaluate/estimates.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "penchant/metrics/calibration.h"
#include "penchant/metrics/lists.h"
#include "penchant/metrics/ranking.h"

namespace penchant::evaluate {
namespace {

constexpr std::array<std::size_t, 3> kCuts{5, 10, 20};
constexpr std::size_t kAccuracy = 3 * kCuts.size();  ///< recall, ndcg, mrr per cut, first of all columns
constexpr std::size_t kNdcg10 = 3 + 1;               ///< column of ndcg@10

/// Row of each case in a matrix with one row per user; cases come in user order.
std::vector<std::uint32_t> user_rows(std::span<const Case> cases) {
  std::vector<std::uint32_t> rows;
  std::uint32_t row = 0;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (i > 0 && cases[i].user != cases[i - 1].user) ++row;
    rows.push_back(row);
  }
  return rows;
}

/// Means of cases over users: out.row(rows[i]) += share * the values of case i.
std::vector<double> shares(std::span<const std::uint32_t> rows) {
  std::vector<double> asked(rows.empty() ? 0 : rows.back() + 1, 0);
  for (const auto row : rows) ++asked[row];
  for (double& n : asked) n = 1 / n;
  return asked;
}

metrics::Estimate count_of_run(double value) { return {value, value, value}; }

/// Expected calibration error of the best item's probability, over users.
metrics::Estimate calibration(const Ranking& ranking, std::span<const std::uint32_t> rows,
                              const RunOptions& options, Executor& executor) {
  std::vector<unsigned char> hit;
  for (const auto rank : ranking.ranks) hit.push_back(rank == 1 ? 1 : 0);
  const auto gaps = metrics::calibration_gaps(ranking.confidence, hit);
  const auto share = shares(rows);
  Matrix<double> values(share.size(), gaps.cols());
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t b = 0; b < gaps.cols(); ++b) values(rows[i], b) += share[rows[i]] * gaps(i, b);
  const Resampled resampled = resample_users(values.view(), options, executor);
  std::vector<double> errors;
  for (std::size_t r = 0; r < resampled.means.rows(); ++r)
    errors.push_back(metrics::calibration_error(resampled.means.row(r)));
  return metrics::interval_of(metrics::calibration_error(resampled.exact), std::move(errors));
}

/// ndcg@10, recall@10 and recall@20 of the cases of one slice, for all columns: [columns] results. Every target is
/// judged for itself, since the other targets of its list may lie in another slice.
std::vector<SliceResult> slice_results(std::span<const RankedColumn> columns, std::span<const Case> cases,
                                       const SliceDimension& dimension, std::size_t slice,
                                       const RunOptions& options, Executor& executor) {
  std::vector<Case> inside;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < cases.size(); ++i)
    if (dimension.of[i] == slice) {
      inside.push_back(cases[i]);
      places.push_back(i);
    }
  const auto rows = user_rows(inside);
  const auto share = shares(rows);
  std::vector<SliceResult> out(columns.size(), {dimension.name, dimension.slices[slice], share.size(), {}});
  if (share.empty()) return out;
  Matrix<double> values(share.size(), 3 * columns.size());
  for (std::size_t c = 0; c < columns.size(); ++c)
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::uint32_t rank = columns[c].ranking.ranks[places[i]];
      values(rows[i], 3 * c) += share[rows[i]] * metrics::ndcg_at(rank, 10);
      values(rows[i], 3 * c + 1) += share[rows[i]] * metrics::recall_at(rank, 10);
      values(rows[i], 3 * c + 2) += share[rows[i]] * metrics::recall_at(rank, 20);
    }
  const Resampled resampled = resample_users(values.view(), options, executor);
  for (std::size_t c = 0; c < columns.size(); ++c)
    out[c].metrics = {{"ndcg@10", resampled.column(3 * c)},
                      {"recall@10", resampled.column(3 * c + 1)},
                      {"recall@20", resampled.column(3 * c + 2)}};
  return out;
}

struct MeanAndSpread {
  metrics::Estimate mean;
  double spread = 0;
};
MeanAndSpread over_seeds(std::span<const metrics::Estimate> estimates) {
  MeanAndSpread out;
  const double n = static_cast<double>(estimates.size());
  for (const auto& e : estimates) {
    out.mean.value += e.value / n;
    out.mean.low += e.low / n;
    out.mean.high += e.high / n;
  }
  if (estimates.size() < 2) return out;
  for (const auto& e : estimates) out.spread += (e.value - out.mean.value) * (e.value - out.mean.value);
  out.spread = std::sqrt(out.spread / (n - 1));
  return out;
}

/// The same metric of every seed, by place in the list.
template <class ListOf>
std::vector<Metric> merged(std::size_t seeds, const ListOf& list_of) {
  std::vector<Metric> out;
  for (std::size_t m = 0; m < list_of(0).size(); ++m) {
    std::vector<metrics::Estimate> estimates;
    for (std::size_t s = 0; s < seeds; ++s)
      if (m < list_of(s).size()) estimates.push_back(list_of(s)[m].estimate);
    const auto [mean, spread] = over_seeds(estimates);
    out.push_back({list_of(0)[m].name, mean, spread});
  }
  return out;
}

}  // namespace

metrics::Estimate Resampled::column(std::size_t c) const {
  std::vector<double> values(means.rows());
  for (std::size_t r = 0; r < values.size(); ++r) values[r] = means(r, c);
  return metrics::interval_of(exact[c], std::move(values));
}
metrics::Estimate Resampled::difference(std::size_t a, std::size_t b) const {
  std::vector<double> values(means.rows());
  for (std::size_t r = 0; r < values.size(); ++r) values[r] = means(r, a) - means(r, b);
  return metrics::interval_of(exact[a] - exact[b], std::move(values));
}

Resampled resample_users(MatrixView<const double> values, const RunOptions& options, Executor& executor) {
  return {metrics::column_means(values),
          metrics::resampled_means(values, {.resamples = options.resamples, .seed = options.seed}, executor)};
}

UserValues user_values(std::span<const Case> cases, std::span<const RankedColumn> columns) {
  UserValues out;
  for (const std::size_t k : kCuts)
    for (const char* metric : {"recall@", "ndcg@", "mrr@"}) out.names.push_back(metric + std::to_string(k));
  out.names.insert(out.names.end(), {"popularity@10", "novelty@10"});
  const bool diversity = !columns.empty() && !columns[0].ranking.list_diversity.empty();
  if (diversity) out.names.emplace_back("diversity@10");
  const auto rows = user_rows(cases);
  const auto share = shares(rows);
  for (std::size_t i = 0; i < cases.size(); ++i)
    if (i == 0 || rows[i] != rows[i - 1]) out.users.push_back(cases[i].user);
  out.values = Matrix<double>(share.size(), columns.size() * out.names.size());
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const Ranking& ranking = columns[c].ranking;
    for (std::size_t i = 0; i < rows.size(); i += cases[i].together) {  // one question after the other
      const auto row = out.values.row(rows[i]).subspan(out.column(c, 0), out.names.size());
      const auto ranks = std::span(ranking.ranks).subspan(i, cases[i].together);
      const double part = share[rows[i]] * cases[i].together;
      for (std::size_t k = 0; k < kCuts.size(); ++k) {
        const metrics::AtK at = metrics::at_k(ranks, kCuts[k]);
        row[3 * k] += part * at.recall;
        row[3 * k + 1] += part * at.ndcg;
        row[3 * k + 2] += part * at.mrr;
      }
      row[kAccuracy] += part * ranking.list_popularity[i];
      row[kAccuracy + 1] += part * ranking.list_novelty[i];
      if (diversity) row[kAccuracy + 2] += part * ranking.list_diversity[i];
    }
  }
  return out;
}

void add_values(UserValues& sum, const UserValues& more) {
  PENCHANT_CHECK(sum.values.cols() == more.values.cols(), "seeds with different columns");
  UserValues both{{}, sum.names, {}};
  std::ranges::set_intersection(sum.users, more.users, std::back_inserter(both.users));
  both.values = Matrix<double>(both.users.size(), sum.values.cols());
  std::size_t a = 0, b = 0;
  for (std::size_t u = 0; u < both.users.size(); ++u) {
    while (sum.users[a] != both.users[u]) ++a;
    while (more.users[b] != both.users[u]) ++b;
    for (std::size_t c = 0; c < both.values.cols(); ++c) both.values(u, c) = sum.values(a, c) + more.values(b, c);
  }
  sum = std::move(both);
}

std::vector<ModelResult> results_of(std::span<const RankedColumn> columns, const UserValues& values,
                                    const Resampled& resampled, std::span<const Case> cases,
                                    std::span<const SliceDimension> slices, const RunOptions& options,
                                    Executor& executor) {
  const auto rows = user_rows(cases);
  std::vector<ModelResult> results;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const Ranking& ranking = columns[c].ranking;
    ModelResult result{.model = ranking.model, .seen = ranking.seen, .users = values.users.size()};
    result.baseline = columns[c].baseline;
    result.seen_in_training = columns[c].seen_in_training;
    result.fit_seconds = columns[c].fit_seconds;
    result.score_seconds = ranking.seconds;
    for (std::size_t m = 0; m < values.names.size(); ++m)
      result.metrics.push_back({values.names[m], resampled.column(values.column(c, m)), 0});
    std::size_t covered = 0;
    for (const auto count : ranking.recommended) covered += count > 0 ? 1 : 0;
    const auto items = static_cast<double>(std::max<std::size_t>(ranking.recommended.size(), 1));
    result.metrics.push_back({"coverage@10", count_of_run(static_cast<double>(covered) / items), 0});
    result.metrics.push_back({"gini@10", count_of_run(metrics::gini(ranking.recommended)), 0});
    if (!ranking.confidence.empty())
      result.metrics.push_back({"ece", calibration(ranking, rows, options, executor), 0});
    results.push_back(std::move(result));
  }
  for (const SliceDimension& dimension : slices)
    for (std::size_t s = 0; s < dimension.slices.size(); ++s) {
      auto of_slice = slice_results(columns, cases, dimension, s, options, executor);
      for (std::size_t c = 0; c < columns.size(); ++c) results[c].slices.push_back(std::move(of_slice[c]));
    }
  return results;
}

std::vector<ModelResult> results_over_seeds(std::span<const std::vector<ModelResult>> by_seed,
                                            const UserValues& values, const Resampled& resampled) {
  const std::size_t seeds = by_seed.size();
  std::vector<ModelResult> results;
  for (std::size_t c = 0; c < by_seed[0].size(); ++c) {
    ModelResult result = by_seed[0][c];
    result.seeds = seeds;
    result.users = values.users.size();
    result.metrics = merged(seeds, [&](std::size_t s) -> auto& { return by_seed[s][c].metrics; });
    // Intervals of means over users come from every user's mean over the seeds.
    for (std::size_t m = 0; m < values.names.size(); ++m)
      result.metrics[m].estimate = resampled.column(values.column(c, m));
    for (std::size_t k = 0; k < result.slices.size(); ++k) {
      auto& slice = result.slices[k];
      double users = 0;
      std::size_t with = 0;  // a seed whose slice has users names the metrics
      for (std::size_t s = 0; s < seeds; ++s) {
        users += static_cast<double>(by_seed[s][c].slices[k].users) / static_cast<double>(seeds);
        if (!by_seed[s][c].slices[k].metrics.empty()) with = s;
      }
      slice.users = static_cast<std::size_t>(std::llround(users));
      slice.metrics = merged(seeds, [&](std::size_t s) -> auto& {
        return by_seed[s == 0 ? with : s == with ? 0 : s][c].slices[k].metrics;
      });
    }
    result.fit_seconds = result.score_seconds = 0;
    for (std::size_t s = 0; s < seeds; ++s) {
      result.fit_seconds += by_seed[s][c].fit_seconds / static_cast<double>(seeds);
      result.score_seconds += by_seed[s][c].score_seconds / static_cast<double>(seeds);
    }
    results.push_back(std::move(result));
  }
  return results;
}

void compare(std::span<const ModelResult> results, const UserValues& values, const Resampled& resampled,
             const RunOptions& options, Report& report) {
  const auto value = [&](std::size_t result, std::size_t metric) {
    return resampled.exact[values.column(result, metric)];
  };
  const auto add = [&](std::size_t a, std::size_t b, bool asked) {
    const ModelResult& model = results[a];
    report.comparisons.push_back(
        {.model = model.model,
         .baseline = results[b].model,
         .metric = values.names[kNdcg10],
         .seen = model.seen,
         .ties = model.ties,
         .users = values.users.size(),
         .difference = resampled.difference(values.column(a, kNdcg10), values.column(b, kNdcg10)),
         .seen_in_training = model.seen_in_training || results[b].seen_in_training,
         .margin = options.margin,
         .asked = asked});
  };
  for (const Seen seen : options.seen) {
    std::vector<std::size_t> of_setting;
    for (std::size_t r = 0; r < results.size(); ++r)
      if (results[r].seen == seen) of_setting.push_back(r);
    for (const auto a : of_setting)
      for (const auto b : of_setting)
        if (!results[a].baseline && results[b].baseline) add(a, b, false);
    std::vector<std::size_t> fair;
    for (const auto r : of_setting)
      if (!results[r].seen_in_training) fair.push_back(r);
    if (!options.against.empty()) {
      std::size_t base = results.size();
      for (const auto r : of_setting)
        if (results[r].model == options.against) base = r;
      if (options.against == "best" && !fair.empty())
        base = *std::ranges::max_element(fair, {}, [&](auto r) { return value(r, kNdcg10); });
      if (base < results.size())
        for (const auto a : of_setting)
          if (a != base && (results[a].baseline || !results[base].baseline)) add(a, base, true);  // else above
    }
    for (std::size_t m = 0; m < kAccuracy && !fair.empty(); ++m) {
      std::vector<std::size_t> order = fair;  // of equal value the earlier one
      std::ranges::stable_sort(order, [&](auto a, auto b) { return value(a, m) > value(b, m); });
      Winner winner{values.names[m], results[order[0]].model, "", seen, results[order[0]].ties, {}};
      if (order.size() > 1) {
        winner.runner_up = results[order[1]].model;
        winner.lead = resampled.difference(values.column(order[0], m), values.column(order[1], m));
      }
      report.winners.push_back(std::move(winner));
    }
  }
}

}  // namespace penchant::evaluate
