#include "penchant/evaluate/runner.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <optional>

#include "penchant/base/rng.h"
#include "penchant/evaluate/estimates.h"
#include "penchant/evaluate/report/export.h"
#include "penchant/evaluate/leak_guard.h"
#include "penchant/evaluate/ranking.h"

namespace penchant::evaluate {
namespace {

Error cancelled() { return {ErrorCode::cancelled, "the evaluation was cancelled"}; }

SplitFacts facts_of(const Split& split, std::span<const Case> cases, std::size_t users, std::size_t to_ask) {
  SplitFacts facts{.ties = split.protocol().ties, .users = users, .cases = cases.size()};
  const TrainingData training = split.training();
  const auto counts = training.item_counts();
  facts.training_events = training.events();
  facts.users_without_history = split.users_without_history();
  facts.users_to_ask = to_ask;
  for (const Case& c : cases) {
    facts.unseen_targets += counts[c.target] == 0 ? 1 : 0;
    const auto history = split.history(c);
    facts.repeated_targets +=
        std::ranges::any_of(history, [&](const auto& event) { return event.item == c.target; }) ? 1 : 0;
  }
  return facts;
}

std::size_t count_users(std::span<const Case> cases) {
  std::size_t users = 0;
  for (std::size_t i = 0; i < cases.size(); ++i) users += i == 0 || cases[i].user != cases[i - 1].user ? 1 : 0;
  return users;
}

/// The cases of at most `most` users. Each user has a place in a seeded order of all users, so that
/// tie orders and protocols ask the same ones as far as they can.
std::vector<Case> drawn_cases(std::span<const Case> cases, std::size_t most, std::uint64_t seed) {
  if (most == 0 || count_users(cases) <= most) return {cases.begin(), cases.end()};
  const auto place = [seed](std::uint32_t user) { return Rng(seed * 0x9e3779b97f4a7c15ULL + user)(); };
  std::vector<std::uint64_t> places;
  for (std::size_t i = 0; i < cases.size(); ++i)
    if (i == 0 || cases[i].user != cases[i - 1].user) places.push_back(place(cases[i].user));
  std::ranges::nth_element(places, places.begin() + static_cast<std::ptrdiff_t>(most - 1));
  const std::uint64_t last = places[most - 1];
  std::vector<Case> drawn;
  for (const Case& c : cases)
    if (place(c.user) <= last) drawn.push_back(c);
  return drawn;
}

/// A model that was asked for by name and cannot be made now (no trainer) stops the run.
bool is_refusal(ErrorCode code, bool required) {
  return code == ErrorCode::invalid_argument ||
         (!required && (code == ErrorCode::unavailable || code == ErrorCode::not_found));
}

/// Content vectors, made when first asked for.
class Content {
 public:
  Content(const RunOptions& options, Executor& executor, const ProgressSink& progress)
      : options_(options), executor_(executor), progress_(progress) {}
  /// Empty when there are none, and why; errors other than missing content are returned.
  Result<MatrixView<const float>> get(std::size_t items) {
    if (!loaded_) {
      loaded_ = true;
      if (!options_.content) {
        why_ = "no content vectors were given";
      } else {
        auto made = options_.content(executor_, progress_);
        if (made.ok()) {
          if (made->rows.rows() != items) return Error{ErrorCode::internal, "content vectors are not those of the items"};
          vectors_ = std::move(made).value();
        } else if (made.error().code == ErrorCode::invalid_argument || made.error().code == ErrorCode::not_found) {
          why_ = made.error().message;
        } else {
          return std::move(made).error();
        }
      }
    }
    return loaded();
  }
  [[nodiscard]] MatrixView<const float> loaded() const { return vectors_.rows.view(); }
  [[nodiscard]] std::span<const ContentKind> kinds() const { return vectors_.kinds; }
  [[nodiscard]] const std::string& why() const { return why_; }

 private:
  const RunOptions& options_;
  Executor& executor_;
  const ProgressSink& progress_;
  bool loaded_ = false;
  ContentVectors vectors_;
  std::string why_;
};

/// One tie order: for each seed split, fit, rank and estimate; then all seeds together.
class TieRun {
 public:
  TieRun(const RunOptions& options, Executor& executor, const ProgressSink& progress, Content& content,
         Report& report)
      : options_(options), executor_(executor), progress_(progress), content_(content), report_(report) {}

  /// Adds to the report; `refused[s]` receives the reason when source s must not be judged here.
  Status run(const EventLog& log, Ties ties, std::span<const ModelSource> sources,
             std::vector<std::optional<Error>>& refused) {
    std::optional<Split> split;
    UserValues sum;
    std::vector<std::vector<ModelResult>> by_seed;
    for (std::size_t s = 0; s < options_.seeds; ++s) {
      const std::uint64_t seed = options_.seed + s;
      if (s == 0 || ties == Ties::shuffled) {
        Protocol protocol = options_.protocol;
        protocol.ties = ties;
        protocol.seed = seed;
        PENCHANT_TRY(made, Split::make(log, protocol));
        split.emplace(std::move(made));
        kept_.clear();
      }
      const auto all = split->cases(options_.stage);
      if (all.empty()) return invalid("the validation window holds no event with a history: choose other cuts");
      const auto cases = drawn_cases(all, options_.max_users, options_.seed);
      PENCHANT_TRY(columns, rank_sources(*split, cases, sources, seed, s == 0, refused));
      if (columns.empty()) return {};
      const UserValues values = user_values(cases, columns);
      const Resampled resampled = resample_users(values.values.view(), options_, executor_);
      by_seed.push_back(results_of(columns, values, resampled, cases, slice_cases(*split, cases), options_, executor_));
      for (auto& result : by_seed.back()) {
        result.ties = ties;
        result.seed = seed;
      }
      if (s == 0) {
        report_.splits.push_back(facts_of(*split, cases, values.users.size(), count_users(all)));
        report_.protocol = split->protocol();
        report_.repeats = count_repeats(split->training().users);
      }
      if (options_.seeds == 1) {
        compare(by_seed[0], values, resampled, options_, report_);
        std::ranges::move(by_seed[0], std::back_inserter(report_.results));
        return {};
      }
      if (s == 0)
        sum = values;
      else
        add_values(sum, values);
    }
    for (double& value : sum.values.values()) value /= static_cast<double>(options_.seeds);
    const Resampled resampled = resample_users(sum.values.view(), options_, executor_);
    auto together = results_over_seeds(by_seed, sum, resampled);
    compare(together, sum, resampled, options_, report_);
    std::ranges::move(together, std::back_inserter(report_.results));
    for (auto& results : by_seed) std::ranges::move(results, std::back_inserter(report_.by_seed));
    return {};
  }

 private:
  /// All columns of all sources that may be judged, one model in memory at a time.
  Result<std::vector<RankedColumn>> rank_sources(const Split& split, std::span<const Case> cases,
                                                 std::span<const ModelSource> sources, std::uint64_t seed, bool first,
                                                 std::vector<std::optional<Error>>& refused) {
    const TrainingData training = split.training();
    const auto validation = fit_validation(split);
    PENCHANT_DO(check_fit_input(split, {.training = training, .validation = validation}));
    const bool removes_seen = count_repeats(training.users).remove_seen();
    if (options_.measure_diversity) {
      PENCHANT_TRY(content, content_.get(split.log().items()));
      if (content.empty()) return invalid("diversity cannot be measured: " + content_.why());
    }
    // Loaded before anything is ranked, so that all models are measured alike.
    for (const auto& source : sources)
      if (source.content != ContentUse::none) PENCHANT_DO(content_.get(split.log().items()));
    RankOptions rank{.stage = options_.stage, .seen = options_.seen};
    rank.cases = cases;
    rank.control = options_.control;
    rank.control_seed = seed;
    rank.content = content_.loaded();
    std::optional<ListExport> lists;
    if (!options_.export_folder.empty() && first) {
      PENCHANT_TRY(opened, ListExport::open(options_.export_folder, split.log(), split.protocol().ties));
      lists.emplace(std::move(opened));
      rank.list_length = kExportRanks;
      rank.on_list = [&](const TopList& list) { return lists->add(list); };
    }
    std::vector<RankedColumn> columns;
    for (std::size_t s = 0; s < sources.size(); ++s) {
      if (!first && refused[s]) continue;
      if (const auto kept = kept_.find(s); kept != kept_.end()) {
        columns.insert(columns.end(), kept->second.begin(), kept->second.end());
        continue;
      }
      if (progress_ && !progress_({"fit " + sources[s].name, s, sources.size(), ""})) return cancelled();
      auto bound = bind(split, sources[s]);
      if (!bound.ok()) {
        if (!is_refusal(bound.error().code, sources[s].required)) return std::move(bound).error();
        refused[s] = std::move(bound).error();
        continue;
      }
      const auto start = std::chrono::steady_clock::now();
      auto fitted = bound->model->fit({.training = training,
                                       .validation = validation,
                                       .content = content_.loaded(),
                                       .content_kinds = content_.kinds(),
                                       .removes_seen = removes_seen,
                                       .validation_is_past = options_.stage == Stage::test && split.protocol().kind != Kind::cold,
                                       .seed = seed},
                                      executor_, progress_);
      if (!fitted.ok() && first && !sources[s].required && fitted.error().code == ErrorCode::unavailable) {
        refused[s] = std::move(fitted).error();
        continue;
      }
      if (!fitted.ok()) return std::move(fitted).error().within("fitting " + sources[s].name);
      const std::chrono::duration<double> fit = std::chrono::steady_clock::now() - start;
      PENCHANT_TRY(rankings, rank_cases(split, *bound->model, rank, executor_, progress_));
      std::vector<RankedColumn> mine;
      for (auto& ranking : rankings)
        mine.push_back({std::move(ranking), sources[s].baseline, bound->seen_in_training, fit.count()});
      if (bound->seen_in_training && first)
        report_.notes.push_back(sources[s].name + " saw held-out events of the " +
                                std::string(name_of(split.protocol().kind)) + " protocol (ties " +
                                std::string(name_of(split.protocol().ties)) +
                                ") in training: its figures here are not a measure of quality");
      if (options_.seeds > 1 && options_.control == Control::none && !bound->model->uses_seed()) kept_[s] = mine;
      std::ranges::move(mine, std::back_inserter(columns));
    }
    if (lists) PENCHANT_DO(lists->close());
    return columns;
  }

  Result<BoundModel> bind(const Split& split, const ModelSource& source) {
    if (source.content == ContentUse::needed && content_.loaded().empty())
      return invalid(source.name + " needs content vectors: " + content_.why());
    return source.bind(split);
  }

  const RunOptions& options_;
  Executor& executor_;
  const ProgressSink& progress_;
  Content& content_;
  Report& report_;
  std::map<std::size_t, std::vector<RankedColumn>> kept_;  ///< by source: the same for every seed of one split
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
  if (options.seeds < 1 || options.seeds > 1000) return invalid("seeds must be from 1 to 1000");
  if (!(options.margin >= 0 && options.margin < 1)) return invalid("the margin must be from 0 to below 1");
  Report report{.protocol = options.protocol,
                .stage = options.stage,
                .items = log.items(),
                .seed = options.seed,
                .seeds = options.seeds,
                .resamples = options.resamples,
                .control = options.control,
                .margin = options.margin};
  Content content(options, executor, progress);
  std::vector<std::size_t> refusals(sources.size(), 0);
  for (const Ties ties : options.ties) {
    std::vector<std::optional<Error>> refused(sources.size());
    PENCHANT_DO(TieRun(options, executor, progress, content, report).run(log, ties, sources, refused));
    for (std::size_t s = 0; s < sources.size(); ++s) {
      if (!refused[s]) continue;
      if (++refusals[s] == options.ties.size() && sources[s].required) return std::move(*refused[s]);
      report.notes.push_back(sources[s].name + " was left out with ties " + std::string(name_of(ties)) +
                             ": " + refused[s]->message);
    }
  }
  if (!options.against.empty() && options.against != "best" &&
      std::ranges::none_of(report.results, [&](const auto& r) { return r.model == options.against; }))
    return invalid("\"" + options.against + "\" is not among the models: name it in --models, or say best");
  return report;
}

}  // namespace penchant::evaluate
