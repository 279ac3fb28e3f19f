#include "penchant/evaluate/search/run.h"

#include <algorithm>
#include <array>

namespace penchant::evaluate {
namespace {

constexpr std::size_t kQueriesAtOnce = 64;
constexpr std::size_t kMetrics = kSearchMetrics.size();
constexpr std::array<Judged, 2> kCandidates{Judged::full, Judged::only};

Status check(std::span<const std::unique_ptr<SearchModel>> models, const SearchRunOptions& options) {
  if (models.empty()) return invalid("no search model was named to evaluate");
  for (std::size_t a = 0; a < models.size(); ++a)
    for (std::size_t b = 0; b < a; ++b)
      if (models[a]->name() == models[b]->name()) return invalid("model \"" + models[a]->name() + "\" is named twice");
  if (options.resamples < 1000) return invalid("at least 1000 resamples are needed for an interval");
  return {};
}

/// Fills columns [model][candidates][metric] of `values` [queries, …].
Status ask(const SearchModel& model, std::size_t column, std::span<const JudgedQuery* const> queries,
           std::size_t items, const SearchRunOptions& options, Executor& executor, const ProgressSink& progress,
           Matrix<double>& values, double& found) {
  Matrix<float> scores(std::min(kQueriesAtOnce, queries.size()), items);
  std::size_t in_list = 0, pairs = 0;
  for (std::size_t begin = 0; begin < queries.size(); begin += kQueriesAtOnce) {
    const std::size_t count = std::min(kQueriesAtOnce, queries.size() - begin);
    std::vector<std::string> texts;
    for (std::size_t q = 0; q < count; ++q) texts.push_back(queries[begin + q]->text);
    const MatrixView<float> out(scores.values().data(), count, items);
    Status scored = model.score(texts, executor, out);
    if (!scored.ok()) return std::move(scored).error().within("model " + model.name());
    std::vector<std::size_t> hits(count, 0);
    executor.parallel_for(count, 1, [&](std::size_t from, std::size_t to) {
      for (std::size_t q = from; q < to; ++q) {
        const auto& judged = queries[begin + q]->judged;
        for (std::size_t c = 0; c < kCandidates.size(); ++c) {
          const auto ranks = search_ranks(out.row(q), judged, kCandidates[c]);
          const auto metrics = search_values(ranks, judged, options.gains);
          std::ranges::copy(metrics, values.row(begin + q).subspan(column + c * kMetrics, kMetrics).begin());
          if (c == 0) hits[q] = judged.size() - static_cast<std::size_t>(std::ranges::count(ranks, 0U));
        }
      }
    });
    for (std::size_t q = 0; q < count; ++q) {
      in_list += hits[q];
      pairs += queries[begin + q]->judged.size();
    }
    if (progress && !progress({"search with " + model.name(), begin + count, queries.size(), ""}))
      return Error{ErrorCode::cancelled, "the evaluation was cancelled"};
  }
  found = pairs == 0 ? 0 : static_cast<double>(in_list) / static_cast<double>(pairs);
  return {};
}

}  // namespace

Result<SearchReport> run_search(const Judgments& judgments, std::size_t items,
                                std::span<const std::unique_ptr<SearchModel>> models,
                                const SearchRunOptions& options, Executor& executor, const ProgressSink& progress) {
  PENCHANT_DO(check(models, options));
  SearchReport report{.items = items, .options = options};
  std::vector<const JudgedQuery*> queries;
  for (const JudgedQuery& query : judgments.queries) {
    for (const Graded& g : query.judged)
      if (g.item >= items) return Error{ErrorCode::internal, "a judged item is beyond the catalogue"};
    if (std::ranges::any_of(query.judged, [&](const Graded& g) { return g.grade >= options.gains.relevant; })) {
      queries.push_back(&query);
      report.pairs += query.judged.size();
    } else {
      report.left_out.push_back(query.text);
    }
  }
  report.queries = queries.size();
  if (queries.empty())
    return invalid("no query has an item of grade " + std::to_string(options.gains.relevant) +
                   " or more: lower the grade that counts as relevant");

  const std::size_t width = kCandidates.size() * kMetrics;
  Matrix<double> values(queries.size(), models.size() * width);
  std::vector<double> found(models.size(), 0);
  for (std::size_t m = 0; m < models.size(); ++m)
    PENCHANT_DO(ask(*models[m], m * width, queries, items, options, executor, progress, values, found[m]));

  std::vector<metrics::ColumnPair> pairs;
  for (std::size_t a = 0; a < models.size(); ++a)
    for (std::size_t b = a + 1; b < models.size(); ++b)
      for (std::size_t c = 0; c < kCandidates.size(); ++c) {
        pairs.push_back({a * width + c * kMetrics, b * width + c * kMetrics});
        report.comparisons.push_back({models[a]->name(), models[b]->name(), std::string(kSearchMetrics[0]), kCandidates[c], {}});
      }
  const auto estimates =
      metrics::bootstrap(values.view(), pairs, {.resamples = options.resamples, .seed = options.seed}, executor);
  for (std::size_t p = 0; p < pairs.size(); ++p) report.comparisons[p].difference = estimates.differences[p];
  for (std::size_t m = 0; m < models.size(); ++m)
    for (std::size_t c = 0; c < kCandidates.size(); ++c) {
      const auto first = estimates.columns.begin() + static_cast<std::ptrdiff_t>(m * width + c * kMetrics);
      report.results.push_back({models[m]->name(), kCandidates[c], {first, first + kMetrics}, found[m]});
    }
  return report;
}

}  // namespace penchant::evaluate
