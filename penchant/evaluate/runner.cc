#include "penchant/evaluate/runner.h"

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_set>

#include "penchant/evaluate/export.h"
#include "penchant/evaluate/ranking.h"
#include "penchant/metrics/ranking.h"

namespace penchant::evaluate {
namespace {

constexpr std::array<std::size_t, 3> kCuts{5, 10, 20};
constexpr std::size_t kPerRanking = 3 * kCuts.size() + 1;  ///< recall, ndcg, mrr per cut; popularity
constexpr std::size_t kNdcg10 = 3 + 1;                     ///< column of ndcg@10 below

/// recall@5 ndcg@5 mrr@5 recall@10 … mrr@20 popularity@10
std::vector<std::string> metric_names() {
  std::vector<std::string> names;
  for (const std::size_t k : kCuts)
    for (const char* metric : {"recall@", "ndcg@", "mrr@"}) names.push_back(metric + std::to_string(k));
  names.push_back("popularity@10");
  return names;
}

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

/// [users, rankings * kPerRanking]: each user's mean over their cases.
Matrix<double> per_user(std::span<const Ranking> rankings, std::span<const std::uint32_t> rows) {
  const std::size_t users = rows.empty() ? 0 : rows.back() + 1;
  Matrix<double> values(users, rankings.size() * kPerRanking);
  std::vector<double> asked(users, 0);
  for (const auto row : rows) ++asked[row];
  for (std::size_t r = 0; r < rankings.size(); ++r) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto out = values.row(rows[i]).subspan(r * kPerRanking, kPerRanking);
      const std::uint32_t rank = rankings[r].ranks[i];
      const double share = 1 / asked[rows[i]];
      for (std::size_t c = 0; c < kCuts.size(); ++c) {
        if (rank > kCuts[c]) continue;
        out[3 * c] += share * metrics::recall_at(rank, kCuts[c]);
        out[3 * c + 1] += share * metrics::ndcg_at(rank, kCuts[c]);
        out[3 * c + 2] += share * metrics::mrr_at(rank, kCuts[c]);
      }
      out[3 * kCuts.size()] += share * rankings[r].list_popularity[i];
    }
  }
  return values;
}

SplitFacts facts_of(const Split& split, Stage stage, std::size_t users) {
  SplitFacts facts{.ties = split.protocol().ties, .users = users, .cases = split.cases(stage).size()};
  const TrainingData training = split.training();
  const auto counts = training.item_counts();
  facts.training_events = training.events();
  facts.users_without_history = split.users_without_history();
  for (const Case& c : split.cases(stage)) {
    facts.unseen_targets += counts[c.target] == 0 ? 1 : 0;
    const auto history = split.history(c);
    facts.repeated_targets +=
        std::ranges::any_of(history, [&](const auto& event) { return event.item == c.target; }) ? 1 : 0;
  }
  return facts;
}

/// One tie order: split, fit, rank, estimate.
class TieRun {
 public:
  TieRun(const RunOptions& options, Executor& executor, const ProgressSink& progress, Report& report)
      : options_(options), executor_(executor), progress_(progress), report_(report) {}

  /// Adds to the report; `refused[s]` receives the reason when source s must not be judged here.
  Status run(const EventLog& log, Ties ties, std::span<const ModelSource> sources,
             std::vector<std::optional<Error>>& refused) {
    Protocol protocol = options_.protocol;
    protocol.ties = ties;
    protocol.seed = options_.seed;
    PENCHANT_TRY(split, Split::make(log, protocol));
    if (split.cases(options_.stage).empty())
      return invalid("the validation window holds no event with a history: choose other cuts");
    PENCHANT_DO(fit(split, sources, refused));
    if (models_.empty()) return {};

    RankOptions rank{.stage = options_.stage, .seen = options_.seen};
    std::optional<ListExport> lists;
    if (!options_.export_folder.empty()) {
      PENCHANT_TRY(opened, ListExport::open(options_.export_folder, split.log(), ties));
      lists.emplace(std::move(opened));
      rank.list_length = kExportRanks;
      rank.on_list = [&](const TopList& list) { return lists->add(list); };
    }
    PENCHANT_TRY(rankings, rank_cases(split, models_, rank, executor_, progress_));
    if (lists) PENCHANT_DO(lists->close());
    estimate(split, rankings);
    return {};
  }

 private:
  struct Column {
    bool baseline = false;
    bool seen_in_training = false;
  };

  Status fit(const Split& split, std::span<const ModelSource> sources,
             std::vector<std::optional<Error>>& refused) {
    const TrainingData training = split.training();
    for (std::size_t s = 0; s < sources.size(); ++s) {
      auto bound = sources[s].bind(split);
      if (!bound.ok()) {
        if (bound.error().code != ErrorCode::invalid_argument) return std::move(bound).error();
        refused[s] = std::move(bound).error();
        continue;
      }
      if (progress_ && !progress_({"fit " + sources[s].name, s, sources.size(), ""}))
        return Error{ErrorCode::cancelled, "the evaluation was cancelled"};
      PENCHANT_DO(bound->model->fit(training, executor_));
      for (std::size_t c = 0; c < bound->model->names().size() * options_.seen.size(); ++c)
        columns_.push_back({sources[s].baseline, bound->seen_in_training});
      if (bound->seen_in_training)
        report_.notes.push_back(sources[s].name + " saw held-out events of the " +
                                std::string(name_of(split.protocol().kind)) + " protocol (ties " +
                                std::string(name_of(split.protocol().ties)) +
                                ") in training: its figures here are not a measure of quality");
      models_.push_back(std::move(bound->model));
    }
    return {};
  }

  void estimate(const Split& split, std::span<const Ranking> rankings) {
    const auto rows = user_rows(split.cases(options_.stage));
    const Matrix<double> values = per_user(rankings, rows);
    std::vector<metrics::ColumnPair> pairs;
    std::vector<std::pair<std::size_t, std::size_t>> compared;  // rankings
    for (std::size_t a = 0; a < rankings.size(); ++a)
      for (std::size_t b = 0; b < rankings.size(); ++b)
        if (!columns_[a].baseline && columns_[b].baseline && rankings[a].seen == rankings[b].seen) {
          pairs.push_back({a * kPerRanking + kNdcg10, b * kPerRanking + kNdcg10});
          compared.emplace_back(a, b);
        }
    const auto estimates = metrics::bootstrap(
        values.view(), pairs, {.resamples = options_.resamples, .seed = options_.seed}, executor_);

    const Ties ties = split.protocol().ties;
    const auto names = metric_names();
    for (std::size_t r = 0; r < rankings.size(); ++r) {
      ModelResult result{.model = rankings[r].model,
                         .seen = rankings[r].seen,
                         .ties = ties,
                         .users = values.rows(),
                         .seen_in_training = columns_[r].seen_in_training};
      for (std::size_t m = 0; m < kPerRanking; ++m)
        result.metrics.push_back({names[m], estimates.columns[r * kPerRanking + m]});
      const double covered =
          static_cast<double>(rankings[r].recommended.count()) / static_cast<double>(split.log().items());
      result.metrics.push_back({"coverage@10", {covered, covered, covered}});
      report_.results.push_back(std::move(result));
    }
    for (std::size_t p = 0; p < pairs.size(); ++p) {
      const Ranking &a = rankings[compared[p].first], &b = rankings[compared[p].second];
      report_.comparisons.push_back({.model = a.model,
                                     .baseline = b.model,
                                     .metric = "ndcg@10",
                                     .seen = a.seen,
                                     .ties = ties,
                                     .users = values.rows(),
                                     .difference = estimates.differences[p],
                                     .seen_in_training = columns_[compared[p].first].seen_in_training});
    }
    report_.splits.push_back(facts_of(split, options_.stage, values.rows()));
    report_.protocol = split.protocol();
    report_.repeats = count_repeats(split.training().users);
  }

  const RunOptions& options_;
  Executor& executor_;
  const ProgressSink& progress_;
  Report& report_;
  std::vector<std::unique_ptr<Model>> models_;
  std::vector<Column> columns_;  ///< [rankings]
};

}  // namespace

const metrics::Estimate* ModelResult::find(std::string_view name) const noexcept {
  for (const auto& metric : metrics)
    if (metric.name == name) return &metric.estimate;
  return nullptr;
}

Result<Report> run_models(const EventLog& log, std::span<const ModelSource> sources,
                          const RunOptions& options, Executor& executor, const ProgressSink& progress) {
  if (sources.empty()) return invalid("no model was named to evaluate");
  if (options.ties.empty() || options.seen.empty())
    return invalid("at least one tie order and one seen setting are needed");
  if (options.resamples < 1000)
    return invalid("resamples must be at least 1000 for an interval to be reported");
  Report report{.protocol = options.protocol,
                .stage = options.stage,
                .items = log.items(),
                .seed = options.seed,
                .resamples = options.resamples};
  std::vector<std::size_t> refusals(sources.size(), 0);
  for (const Ties ties : options.ties) {
    std::vector<std::optional<Error>> refused(sources.size());
    PENCHANT_DO(TieRun(options, executor, progress, report).run(log, ties, sources, refused));
    for (std::size_t s = 0; s < sources.size(); ++s) {
      if (!refused[s]) continue;
      if (++refusals[s] == options.ties.size() && sources[s].required) return std::move(*refused[s]);
      report.notes.push_back(sources[s].name + " was left out with ties " + std::string(name_of(ties)) +
                             ": " + refused[s]->message);
    }
  }
  return report;
}

}  // namespace penchant::evaluate
