#include "penchant/evaluate/tune/tune.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>

#include "penchant/artifact/files.h"
#include "penchant/evaluate/tune/search.h"
#include "penchant/evaluate/tune/trial.h"

namespace penchant::evaluate {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kMostTrials = 10'000;
constexpr std::uint64_t kPerTrial = 1000;  ///< units of progress

double seconds_since(Clock::time_point started) {
  return std::chrono::duration<double>(Clock::now() - started).count();
}

std::vector<std::string> words_of(const Trial& trial) {
  std::vector<std::string> words;
  for (const auto& [name, value] : trial.settings) words.push_back(fmt::format("{}={}", name, value));
  return words;
}

/// An error of one setting, not of the whole search.
bool concerns_the_trial_alone(const Error& error) {
  return error.code == ErrorCode::invalid_argument || error.code == ErrorCode::resource_exhausted ||
         error.code == ErrorCode::corrupt;
}

class Search {
 public:
  Search(const TuneSubject& subject, const TuneOptions& options, const ValidationBench& bench, ValidationMetric metric,
         TuneSpace space, std::map<std::string, double> fixed, Executor& executor, const ProgressSink& progress)
      : subject_(subject), options_(options), bench_(bench), metric_(metric), space_(std::move(space)),
        fixed_(std::move(fixed)), executor_(executor), progress_(progress) {}

  Result<TuneReport> run(TuneJournal& journal) {
    TuneReport report;
    for (const Trial& trial : journal.trials())
      if (fits(trial)) trials_.push_back(trial);
    first_new_ = trials_.size();
    while (trials_.size() < options_.trials) {
      if (options_.minutes > 0 && !trials_.empty() && seconds_since(started_) >= 60 * options_.minutes) {
        report.stopped = fmt::format("the {:g} minutes were up", options_.minutes);
        break;
      }
      const auto values = propose(space_, tried(), options_.seed);
      if (!values) {
        report.stopped = "every combination of settings was tried";
        break;
      }
      PENCHANT_DO(one_trial(*values, journal));
    }
    PENCHANT_DO(finish(report));
    report.notes = journal.notes();
    return report;
  }

 private:
  Trial trial_at(std::span<const double> values) const {
    Trial trial{.settings = fixed_};
    for (std::size_t a = 0; a < space_.axes(); ++a) trial.settings[std::string(space_.settings()[a].name)] = values[a];
    return trial;
  }
  /// A trial of the journal with today's settings, the fixed ones at their values.
  bool fits(const Trial& trial) const {
    if (trial.settings.size() != fixed_.size() + space_.axes()) return false;
    for (const auto& [name, value] : fixed_)
      if (const auto found = trial.settings.find(name); found == trial.settings.end() || found->second != value) return false;
    for (const Setting& setting : space_.settings())
      if (!trial.settings.contains(std::string(setting.name))) return false;
    return trial.metrics.empty() || trial.find(options_.metric) != nullptr;
  }
  std::vector<double> values_of(const Trial& trial) const {
    std::vector<double> values;
    for (const Setting& setting : space_.settings()) values.push_back(trial.settings.at(std::string(setting.name)));
    return values;
  }
  std::vector<Tried> tried() const {
    std::vector<Tried> all;
    for (const Trial& trial : trials_) {
      const double* score = trial.find(options_.metric);
      all.push_back({values_of(trial), score == nullptr ? std::nullopt : std::optional(*score)});
    }
    return all;
  }
  const Trial* best() const {
    const Trial* found = nullptr;
    for (const Trial& trial : trials_)
      if (const double* score = trial.find(options_.metric); score != nullptr && (found == nullptr || *score > *found->find(options_.metric)))
        found = &trial;
    return found;
  }

  /// Progress of the whole search from that of one step of one trial.
  ProgressSink inner(const std::string& what) const {
    if (!progress_) return {};
    return [this, what](const Progress& step) {
      const double share = step.total == 0 ? 0 : std::min(1.0, static_cast<double>(step.done) / static_cast<double>(step.total));
      const std::size_t made = trials_.size() - first_new_, wanted = std::max(options_.trials - std::min(options_.trials, first_new_), std::size_t{1});
      // Time left is judged by what this run did; the clock may end it before the trials do.
      double done = (static_cast<double>(made) + 0.9 * share) / static_cast<double>(wanted);
      if (options_.minutes > 0) done = std::max(done, std::min(1.0, seconds_since(started_) / (60 * options_.minutes)));
      const Trial* leader = best();
      std::string detail = leader == nullptr ? "" : fmt::format("best {} {:.4f}, ", options_.metric, *leader->find(options_.metric));
      detail += what + ": " + step.step + (step.detail.empty() ? "" : ", " + step.detail);
      return progress_({"tune " + subject_.name, static_cast<std::uint64_t>(done * static_cast<double>(wanted * kPerTrial)),
                        wanted * kPerTrial, std::move(detail)});
    };
  }

  Result<std::vector<std::uint32_t>> measure(const Trial& trial, const ProgressSink& sink) {
    PENCHANT_TRY(model, subject_.make(words_of(trial), bench_.split()));
    return bench_.ranks_of(std::move(model), options_.content, options_.seed, executor_, sink);
  }

  Status one_trial(std::span<const double> values, TuneJournal& journal) {
    Trial trial = trial_at(values);
    const auto sink = inner(fmt::format("trial {} of {}", trials_.size() + 1, options_.trials));
    if (sink && !sink({"fit", 0, 1, ""})) return Error{ErrorCode::cancelled, "the search was cancelled; run it again to go on"};
    const auto started = Clock::now();
    auto ranks = measure(trial, sink);
    trial.seconds = seconds_since(started);
    if (ranks.ok()) {
      trial.metrics = bench_.all_metrics(*ranks);
      keep_values(trial, *ranks);
    } else if (trials_.empty()) {
      return std::move(ranks).error().within("the defaults of " + subject_.name);
    } else if (concerns_the_trial_alone(ranks.error())) {
      trial.error = ranks.error().message;
    } else {
      return std::move(ranks).error();
    }
    PENCHANT_DO(journal.append(trial));
    trials_.push_back(std::move(trial));
    return {};
  }

  /// Keeps the per-user values of the defaults and of the best so far: the ones that are compared.
  void keep_values(const Trial& trial, std::span<const std::uint32_t> ranks) {
    const Trial* leader = best();
    const bool leads = leader == nullptr || *trial.find(options_.metric) > *leader->find(options_.metric);
    const bool is_default = values_of(trial) == space_.defaults();
    if (leads) best_values_ = {trial.settings, bench_.per_user(ranks, metric_)};
    if (is_default) default_values_ = {trial.settings, bench_.per_user(ranks, metric_)};
  }

  struct Kept {
    std::map<std::string, double> settings;
    std::vector<double> values;  ///< [users]
  };
  /// What an earlier run found is measured once more.
  Status restore(Kept& kept, const Trial& trial) {
    if (!kept.values.empty() && kept.settings == trial.settings) return {};
    PENCHANT_TRY(ranks, measure(trial, inner("measure again")));
    kept = {trial.settings, bench_.per_user(ranks, metric_)};
    return {};
  }

  Status finish(TuneReport& report) {
    report.model = subject_.name;
    report.metric = options_.metric;
    report.protocol = bench_.split().protocol();
    report.seen = bench_.seen();
    report.seed = options_.seed;
    report.users = bench_.users();
    for (const Setting& setting : space_.settings()) report.searched.emplace_back(setting.name);
    for (const auto& [name, value] : fixed_) report.fixed.push_back(fmt::format("{}={}", name, value));
    report.new_trials = trials_.size() - first_new_;
    for (const Trial& trial : trials_) {
      if (trial.metrics.empty()) ++report.failed;
      else report.trials.push_back(trial);
    }
    std::ranges::stable_sort(report.trials, [&](const Trial& a, const Trial& b) {
      return *a.find(options_.metric) > *b.find(options_.metric);
    });
    const auto defaults = space_.defaults();
    const auto found = std::ranges::find_if(report.trials, [&](const Trial& t) { return values_of(t) == defaults; });
    if (found == report.trials.end())
      return Error{ErrorCode::invalid_argument, "the defaults of " + subject_.name + " failed before; remove " +
                                                    options_.journal + " to begin anew"};
    report.defaults = static_cast<std::size_t>(found - report.trials.begin());
    PENCHANT_DO(restore(default_values_, *found));
    if (report.defaults == 0) return {};
    PENCHANT_DO(restore(best_values_, report.best()));
    report.difference = metrics::paired_difference(best_values_.values, default_values_.values,
                                                   {.resamples = options_.resamples, .seed = options_.seed});
    return {};
  }

  const TuneSubject& subject_;
  const TuneOptions& options_;
  const ValidationBench& bench_;
  ValidationMetric metric_;
  TuneSpace space_;
  std::map<std::string, double> fixed_;
  Executor& executor_;
  const ProgressSink& progress_;
  Clock::time_point started_ = Clock::now();
  std::vector<Trial> trials_;
  std::size_t first_new_ = 0;
  Kept best_values_, default_values_;
};

/// "name=value" of a setting of the model, in its accepted range.
Status parse_fixed(const TuneSubject& subject, const std::string& word, std::map<std::string, double>& fixed) {
  const auto equals = word.find('=');
  if (equals == std::string::npos) return invalid("--set " + word + ": write name=value");
  const std::string name = word.substr(0, equals), text = word.substr(equals + 1);
  std::string known;
  for (const Setting& setting : subject.settings) {
    known += (known.empty() ? "" : ", ") + std::string(setting.name);
    if (setting.name != name) continue;
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
      return invalid("--set " + word + ": \"" + text + "\" is not a number");
    fixed[name] = value;
    return {};
  }
  return invalid(subject.name + " has no setting \"" + name + "\"; it has " + known);
}

Status check(const TuneOptions& options) {
  if (options.trials < 1 || options.trials > kMostTrials)
    return invalid(fmt::format("--trials {}: it is 1 to {}", options.trials, kMostTrials));
  if (!(options.minutes >= 0) || !std::isfinite(options.minutes)) return invalid("--minutes must not be negative");
  if (options.resamples < 1000) return invalid("resamples must be at least 1000 for an interval to be reported");
  if (options.journal.empty()) return invalid("a search needs a file for its trials");
  return {};
}

}  // namespace

Result<TuneSubject> tune_subject(std::string_view baseline, const BaselineContext& context) {
  const BaselineInfo* info = find_baseline(baseline);
  if (info == nullptr) {
    std::string known;
    for (const auto& one : baselines())
      if (!one.settings.empty()) known += (known.empty() ? "" : ", ") + std::string(one.name);
    return invalid("\"" + std::string(baseline) + "\" is not a model that can be tuned: use " +
                   (known.empty() ? "another version of penchant" : known));
  }
  if (info->settings.empty()) return invalid(std::string(baseline) + " has no settings: there is nothing to tune");
  return TuneSubject{std::string(info->name), {info->settings.begin(), info->settings.end()},
                     [name = std::string(info->name), context](std::span<const std::string> settings, const Split&) {
                       return make_baseline(name, settings, context);
                     }};
}

Result<TuneReport> tune(const EventLog& log, const TuneSubject& subject, const TuneOptions& options,
                        Executor& executor, const ProgressSink& progress) {
  PENCHANT_DO(check(options));
  PENCHANT_TRY(metric, parse_validation_metric(options.metric));
  std::map<std::string, double> fixed;
  for (const auto& word : options.fixed) PENCHANT_DO(parse_fixed(subject, word, fixed));
  std::vector<Setting> searched;
  for (const Setting& setting : subject.settings) {
    if (fixed.contains(std::string(setting.name))) continue;
    if (setting.low < setting.high) searched.push_back(setting);
    else fixed[std::string(setting.name)] = setting.value;
  }
  if (searched.empty()) return invalid("every setting of " + subject.name + " is fixed: there is nothing to tune");

  PENCHANT_TRY(split, Split::make(log, options.protocol));
  const Seen seen = options.seen.value_or(count_repeats(split.training().users).remove_seen() ? Seen::removed : Seen::kept);
  PENCHANT_TRY(bench, ValidationBench::make(std::move(split), seen));
  const Protocol& p = bench.split().protocol();
  const std::string context = artifact::sha256(fmt::format(
      "{} {} {} {} {} {} {} {} {}{}", subject.name, bench.fingerprint(), name_of(p.kind), name_of(p.ties), p.seed,
      p.targets == Targets::all ? "all" : "first", name_of(seen), options.seed, p.cold_seed,
      subject.variant.empty() ? "" : " " + subject.variant)).substr(0, 16);
  PENCHANT_TRY(journal, TuneJournal::open(options.journal, context));
  return Search(subject, options, bench, metric, TuneSpace(std::move(searched)), std::move(fixed), executor, progress).run(journal);
}

}  // namespace penchant::evaluate
