#include "penchant/evaluate/tune/tune.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>

#include "penchant/base/rng.h"
#include "penchant/evaluate/test_logs.h"
#include "penchant/evaluate/tune/report.h"
#include "penchant/evaluate/tune/trial.h"

namespace penchant::evaluate {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::size_t kItems = 60;

/// 300 users; the next item is mostly (item + 7) mod 60.
EventLog chained_log(std::uint64_t seed = 1) {
  Rng rng(seed);
  std::vector<std::vector<Step>> users(300);
  for (auto& steps : users) {
    std::uint32_t item = static_cast<std::uint32_t>(rng.below(kItems));
    for (std::int64_t t = 0; t < 8; ++t) {
      steps.push_back({item, t});
      item = rng.uniform() < 0.8 ? (item + 7) % kItems : static_cast<std::uint32_t>(rng.below(kItems));
    }
  }
  return log_of(users, kItems);
}

constexpr Setting kSettings[] = {
    {.name = "rate", .value = 1, .low = 0.001, .high = 10, .least = 0, .most = 100, .logarithmic = true},
    {.name = "shift", .value = 1, .low = 0, .high = 20, .least = 0, .most = 59, .whole = true},
    {.name = "idle", .value = 3, .low = 3, .high = 3, .least = 3, .most = 3}};

/// Knows the successor item + 7 the better, the nearer rate is to 0.05 and shift to 7. `fits` counts.
class Planted final : public Model {
 public:
  Planted(std::map<std::string, double> settings, std::size_t& fits) : settings_(std::move(settings)), fits_(fits) {}
  const std::vector<std::string>& names() const noexcept override { return names_; }
  Status fit(const FitInput& input, Executor&, const ProgressSink&) override {
    ++fits_;
    items_ = input.training.items;
    validation_ = input.validation.size();
    if (settings_["rate"] > 8) return invalid("rate is too large to learn from");
    return {};
  }
  Status score(std::span<const Query> queries, MatrixView<float> out) const override {
    const double off = std::abs(std::log10(settings_.at("rate") / 0.05)) + 0.2 * std::abs(settings_.at("shift") - 7);
    for (std::size_t q = 0; q < queries.size(); ++q) {
      Rng noise(queries[q].user);
      for (auto& x : out.row(q)) x = static_cast<float>(noise.uniform());
      out(q, (queries[q].history.back().item + 7) % items_) = static_cast<float>(std::exp(-0.3 * off));
    }
    return {};
  }

 private:
  std::vector<std::string> names_{"planted"};
  std::map<std::string, double> settings_;
  std::size_t& fits_;
  std::size_t items_ = 0, validation_ = 0;
};

struct Fixture {
  fs::path folder;
  std::size_t fits = 0;
  Executor executor{1};
  TuneSubject subject;
  TuneOptions options;

  Fixture() {
    std::string path = (fs::temp_directory_path() / "penchant-tune-XXXXXX").string();
    folder = ::mkdtemp(path.data());
    options.journal = (folder / "tune" / "planted-last-out.jsonl").string();
    options.trials = 12;
    subject = {"planted", {std::begin(kSettings), std::end(kSettings)}, [this](std::span<const std::string> words, const Split&) -> Result<std::unique_ptr<Model>> {
                 std::map<std::string, double> settings;
                 for (const auto& word : words) settings[word.substr(0, word.find('='))] = std::stod(word.substr(word.find('=') + 1));
                 return std::unique_ptr<Model>(std::make_unique<Planted>(std::move(settings), fits));
               }};
  }
  ~Fixture() { fs::remove_all(folder); }
  Result<TuneReport> run(const EventLog& log, const ProgressSink& progress = {}) {
    return tune(log, subject, options, executor, progress);
  }
  std::vector<std::string> lines() const {
    std::ifstream file(options.journal);
    std::vector<std::string> all;
    for (std::string line; std::getline(file, line);) all.push_back(line);
    return all;
  }
};

TEST(Tune, FindsAPlantedOptimumAndSaysThatItBeatsTheDefaults) {
  Fixture f;
  f.options.trials = 40;
  const auto report = f.run(chained_log());
  ASSERT_TRUE(report.ok()) << report.error().message;
  const auto& best = report->best().settings;
  EXPECT_NEAR(best.at("shift"), 7, 3);
  EXPECT_NEAR(std::log10(best.at("rate") / 0.05), 0, 0.7);
  EXPECT_EQ(best.at("idle"), 3);
  EXPECT_EQ(report->users, 300u);
  EXPECT_EQ(report->trials.size() + report->failed, 40u);
  EXPECT_TRUE(report->beats_defaults());
  EXPECT_NEAR(report->difference.value, *report->best().find("ndcg@10") - *report->trials[report->defaults].find("ndcg@10"), 1e-12);
  EXPECT_THAT(sentence(*report), HasSubstr("beats the defaults of planted by"));
  EXPECT_THAT(report->searched, ElementsAre("rate", "shift"));
  for (std::size_t t = 1; t < report->trials.size(); ++t)
    EXPECT_GE(*report->trials[t - 1].find("ndcg@10"), *report->trials[t].find("ndcg@10"));
}

TEST(Tune, ASecondRunGoesOnAndRepeatsNothing) {
  Fixture whole, halves;
  const EventLog log = chained_log();
  whole.options.trials = halves.options.trials = 16;
  const auto at_once = whole.run(log).value();
  halves.options.trials = 9;
  ASSERT_TRUE(halves.run(log).ok());
  EXPECT_EQ(halves.fits, 9u);
  halves.options.trials = 16;
  const auto resumed = halves.run(log).value();
  EXPECT_EQ(resumed.new_trials, 7u);
  EXPECT_LE(halves.fits, 9u + 7 + 2);  // the two that are compared may be measured once more
  EXPECT_EQ(resumed.trials.size(), at_once.trials.size());
  EXPECT_EQ(resumed.best().settings, at_once.best().settings);
  EXPECT_EQ(resumed.difference.low, at_once.difference.low);
  std::set<std::map<std::string, double>> distinct;
  for (const auto& trial : resumed.trials) EXPECT_TRUE(distinct.insert(trial.settings).second);
  const auto again = halves.run(log).value();  // nothing is left to do
  EXPECT_EQ(again.new_trials, 0u);
  EXPECT_EQ(halves.lines().size(), 16u);
}

TEST(Tune, AKilledRunLosesAtMostItsLastTrial) {
  Fixture f;
  const EventLog log = chained_log();
  f.options.trials = 30;
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {  // dies in the middle of a trial, without any tidying
    std::size_t trials = 0;
    (void)f.run(log, [&](const Progress& p) {
      if (p.detail.find("trial 6 of") != std::string::npos && ++trials > 1) ::_exit(9);
      return true;
    });
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(WEXITSTATUS(status), 9);
  EXPECT_EQ(f.lines().size(), 5u);
  f.options.trials = 8;
  EXPECT_EQ(f.run(log)->new_trials, 3u);
}

TEST(Tune, ABrokenLastLineIsIgnoredWithANote) {
  Fixture f;
  const EventLog log = chained_log();
  f.options.trials = 5;
  ASSERT_TRUE(f.run(log).ok());
  std::ofstream(f.options.journal, std::ios::app) << R"({"format":1,"context":"ab)";
  f.options.trials = 7;
  const auto report = f.run(log).value();
  EXPECT_EQ(report.new_trials, 2u);
  ASSERT_EQ(report.notes.size(), 1u);
  EXPECT_THAT(report.notes[0], HasSubstr("line 6 is broken"));
  EXPECT_EQ(f.lines().size(), 8u);  // what follows begins on a line of its own
  EXPECT_EQ(f.run(log)->trials.size() + f.run(log)->failed, 7u);
}

TEST(Tune, HostileLinesAreNotBelieved) {
  Fixture f;
  const EventLog log = chained_log();
  f.options.trials = 3;
  ASSERT_TRUE(f.run(log).ok());
  const std::string good = f.lines()[0];
  const auto forged = [&](const std::string& from, const std::string& to) {
    std::string line = good;
    const auto at = line.find(from);
    EXPECT_NE(at, std::string::npos);
    return line.replace(at, from.size(), to);
  };
  std::ofstream out(f.options.journal, std::ios::app);
  out << forged("\"recall@5\":", "\"recall@5\":1e3,\"x\":") << "\n"
      << forged("\"seconds\":", "\"seconds\":-") << "\n"
      << forged("\"format\":1", "\"format\":2") << "\n"
      << "[]\nnull\n" << std::string(70000, '[') << "\n";
  out.close();
  const auto report = f.run(log).value();
  EXPECT_EQ(report.new_trials, 0u);
  EXPECT_EQ(report.notes.size(), 6u);
  EXPECT_LE(*report.best().find("recall@5"), 1.0);
}

TEST(Tune, TestEventsChangeNothing) {
  const EventLog log = chained_log();
  EventLog other = log;
  for (std::size_t u = 0; u < other.users(); ++u)  // a model that saw these would rank otherwise
    other.events[other.offsets[u + 1] - 1].item = (other.events[other.offsets[u + 1] - 1].item + 13) % kItems;
  Fixture a, b;
  const auto first = a.run(log).value(), second = b.run(other).value();
  ASSERT_EQ(first.trials.size(), second.trials.size());
  for (std::size_t t = 0; t < first.trials.size(); ++t) {
    EXPECT_EQ(first.trials[t].settings, second.trials[t].settings);
    EXPECT_EQ(first.trials[t].metrics, second.trials[t].metrics);
  }
  EXPECT_EQ(first.difference.low, second.difference.low);
  EXPECT_EQ(a.run(other)->new_trials, 0u);  // to the search it is the same data
  EventLog third = log;
  third.events[third.offsets[1] - 2].item = (third.events[third.offsets[1] - 2].item + 1) % kItems;
  const auto anew = a.run(third).value();  // one validation event changed
  EXPECT_EQ(anew.new_trials, 12u);
  EXPECT_THAT(anew.notes[0], HasSubstr("12 trials"));
}

TEST(Tune, AFailingSettingIsRecordedAndTheSearchGoesOn) {
  Fixture f;
  f.options.trials = 40;
  const auto report = f.run(chained_log()).value();
  EXPECT_GT(report.failed, 0u);  // rate above 8
  EXPECT_EQ(f.lines().size(), 40u);
  for (const auto& trial : report.trials) EXPECT_LE(trial.settings.at("rate"), 8);
  f.options.journal += "2";
  f.options.fixed = {"rate=9"};
  const auto all_fail = f.run(chained_log());
  ASSERT_FALSE(all_fail.ok());
  EXPECT_THAT(all_fail.error().message, HasSubstr("the defaults of planted: rate is too large"));
}

TEST(Tune, FixedSettingsStayAndOnlyTheirTrialsCount) {
  Fixture f;
  const EventLog log = chained_log();
  ASSERT_TRUE(f.run(log).ok());
  f.options.fixed = {"shift=7"};
  const auto report = f.run(log).value();
  EXPECT_EQ(report.trials.size() + report.failed, 12u);
  EXPECT_GE(report.new_trials, 10u);  // one of before may have had it by chance
  for (const auto& trial : report.trials) EXPECT_EQ(trial.settings.at("shift"), 7);
  EXPECT_THAT(report.searched, ElementsAre("rate"));
  EXPECT_THAT(chosen_settings(report), ::testing::Contains("shift=7"));
}

TEST(Tune, WrongOptionsAreNamed) {
  Fixture f;
  const EventLog log = chained_log();
  const auto refused = [&](auto change) {
    TuneOptions options = f.options;
    change(options);
    const auto report = tune(log, f.subject, options, f.executor);
    EXPECT_FALSE(report.ok());
    return report.ok() ? "" : report.error().message;
  };
  EXPECT_THAT(refused([](auto& o) { o.metric = "auc"; }), HasSubstr("ndcg@10"));
  EXPECT_THAT(refused([](auto& o) { o.fixed = {"colour=1"}; }), HasSubstr("it has rate, shift, idle"));
  EXPECT_THAT(refused([](auto& o) { o.fixed = {"rate=fast"}; }), HasSubstr("not a number"));
  EXPECT_THAT(refused([](auto& o) { o.fixed = {"rate=1", "shift=1"}; }), HasSubstr("nothing to tune"));
  EXPECT_THAT(refused([](auto& o) { o.trials = 0; }), HasSubstr("--trials"));
  EXPECT_THAT(refused([](auto& o) { o.minutes = -1; }), HasSubstr("--minutes"));
  EXPECT_THAT(tune_subject("nonsense", {}).error().message, HasSubstr("use "));
  EXPECT_THAT(tune_subject("popularity", {}).error().message, HasSubstr("nothing to tune"));
}

TEST(Tune, TwoSearchesOfOneModelDoNotMix) {
  Fixture f;
  const auto held = TuneJournal::open(f.options.journal, "x");
  ASSERT_TRUE(held.ok());
  const auto report = f.run(chained_log());
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::unavailable);
}

TEST(Tune, StopsWhenTheTimeIsUpOrWhenItIsCancelled) {
  Fixture f;
  f.options.minutes = 1e-9;
  f.options.trials = 50;
  const auto report = f.run(chained_log()).value();
  EXPECT_EQ(report.trials.size(), 1u);  // the defaults are always measured
  EXPECT_THAT(report.stopped, HasSubstr("minutes were up"));
  EXPECT_THAT(sentence(report), HasSubstr("keep them"));
  f.options.minutes = 0;
  const auto cancelled = f.run(chained_log(), [](const Progress& p) { return p.detail.find("trial 4 of") == std::string::npos; });
  EXPECT_EQ(cancelled.error().code, ErrorCode::cancelled);
  EXPECT_EQ(f.lines().size(), 3u);
}

TEST(Tune, ProgressTellsTheBestSoFarAndNeverPassesItsTotal) {
  Fixture f;
  std::string last;
  ASSERT_TRUE(f.run(chained_log(), [&](const Progress& p) {
                 EXPECT_EQ(p.step, "tune planted");
                 EXPECT_LE(p.done, p.total);
                 last = p.detail;
                 return true;
               }).ok());
  EXPECT_THAT(last, HasSubstr("best ndcg@10 0."));
}

TEST(TuneReportText, TableFitsAHundredColumns) {
  Fixture f;
  f.options.trials = 25;
  const auto report = f.run(chained_log()).value();
  const std::string table = to_table(report);
  std::stringstream lines(table);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100u) << line;
  EXPECT_THAT(table, HasSubstr("defaults: rate=1  shift=1"));
  EXPECT_THAT(to_json(report), HasSubstr("\"stage\":\"validation\""));
}

TEST(ValidationBench, MetricsAreMeansOverUsers) {
  const auto split = Split::make(chained_log(), {}).value();
  const auto bench = ValidationBench::make(split, Seen::kept).value();
  std::vector<std::uint32_t> ranks(300, 11);
  ranks[0] = 1;
  ranks[7] = 3;
  EXPECT_EQ(bench.per_user(ranks, {ValidationMetric::Family::ndcg, 10})[7], 0.5);
  const auto all = bench.all_metrics(ranks);
  EXPECT_EQ(all.size(), 9u);
  const Trial trial{.metrics = all};
  EXPECT_NEAR(*trial.find("recall@10"), 2.0 / 300, 1e-12);
  EXPECT_NEAR(*trial.find("mrr@5"), (1 + 1.0 / 3) / 300, 1e-12);
  EXPECT_NEAR(*trial.find("recall@20"), 1, 1e-12);
}

}  // namespace
}  // namespace penchant::evaluate
