#pragma once
/// \file The search protocol: graded queries x models, full ranking beside judged items only. Layer 6.
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/progress.h"
#include "penchant/base/result.h"
#include "penchant/evaluate/search/judgments.h"
#include "penchant/evaluate/search/metrics.h"
#include "penchant/evaluate/search/models.h"
#include "penchant/metrics/bootstrap.h"

namespace penchant::evaluate {

struct SearchRunOptions {
  SearchGains gains;
  std::uint64_t seed = 1;        ///< of the bootstrap
  std::size_t resamples = 1000;  ///< at least 1,000
};

struct SearchResult {
  std::string model;
  Judged candidates = Judged::full;
  std::vector<metrics::Estimate> values;  ///< [kSearchMetrics]
  double found = 0;                       ///< share of the judged pairs whose item is in the list at all
};

/// model minus other on the same queries.
struct SearchComparison {
  std::string model, other, metric;
  Judged candidates = Judged::full;
  metrics::Estimate difference;
  [[nodiscard]] bool beats() const noexcept { return difference.low > 0; }
};

struct SearchReport {
  std::size_t items = 0, queries = 0, pairs = 0;  ///< of what was asked
  SearchRunOptions options;
  std::vector<std::string> left_out;  ///< queries without a relevant item, in order of the file
  std::vector<SearchResult> results;  ///< models in the given order, full then judged only
  std::vector<SearchComparison> comparisons;  ///< ndcg@10, each model minus each later one
};

/// Queries without an item of the relevant grade are left out of every figure, by name.
/// \param items rows that the models score; all judged rows are below it
/// \return invalid_argument when no query is left, a model is named twice or the resamples are too few;
/// internal when a model's error is ours; cancelled
Result<SearchReport> run_search(const Judgments& judgments, std::size_t items,
                                std::span<const std::unique_ptr<SearchModel>> models,
                                const SearchRunOptions& options, Executor& executor,
                                const ProgressSink& progress = {});

[[nodiscard]] std::string to_json(const SearchReport& report);
[[nodiscard]] std::string to_table(const SearchReport& report);
/// One per comparison that decides something, and what was left out.
[[nodiscard]] std::vector<std::string> sentences(const SearchReport& report);

}  // namespace penchant::evaluate
