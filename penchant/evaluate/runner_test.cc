#include "penchant/evaluate/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>

#include "penchant/base/rng.h"
#include "penchant/evaluate/ranking.h"
#include "penchant/evaluate/report/report.h"
#include "penchant/evaluate/test_logs.h"

namespace penchant::evaluate {
namespace {

using ::testing::HasSubstr;

constexpr float kNever = -std::numeric_limits<float>::infinity();

/// Scores given by a function of the query; remembers what it was fitted on.
class Canary final : public Model {
 public:
  using Score = std::function<void(const Query&, std::span<float>)>;
  Canary(std::string name, Score score, TrainingData* fitted = nullptr)
      : names_{std::move(name)}, score_(std::move(score)), fitted_(fitted) {}
  [[nodiscard]] const std::vector<std::string>& names() const noexcept override { return names_; }
  Status fit(const FitInput& input, Executor&, const ProgressSink&) override {
    if (fitted_ != nullptr) *fitted_ = input.training;
    return {};
  }
  Status score(std::span<const Query> queries, MatrixView<float> out) const override {
    for (std::size_t q = 0; q < queries.size(); ++q) score_(queries[q], out.row(q));
    return {};
  }

 private:
  std::vector<std::string> names_;
  Score score_;
  TrainingData* fitted_;
};

ModelSource source(const std::string& name, bool baseline, Canary::Score score) {
  return {name, baseline, true, [=](const Split&) -> Result<BoundModel> {
            return BoundModel{std::make_unique<Canary>(name, score)};
          }};
}

/// Remembers for every user and last item what came next, in whatever it was fitted on.
class Memory final : public Model {
 public:
  [[nodiscard]] const std::vector<std::string>& names() const noexcept override { return names_; }
  Status fit(const FitInput& input, Executor&, const ProgressSink&) override {
    const TrainingData& training = input.training;
    for (std::size_t u = 0; u < training.users.size(); ++u)
      for (std::size_t i = 1; i < training.users[u].size(); ++i) next_[{u, i}] = training.users[u][i].item;
    return {};
  }
  Status score(std::span<const Query> queries, MatrixView<float> out) const override {
    for (std::size_t q = 0; q < queries.size(); ++q) {
      std::ranges::fill(out.row(q), 0.0f);
      const auto found = next_.find({queries[q].user, queries[q].history.size()});
      if (found != next_.end()) out.row(q)[found->second] = 1;
    }
    return {};
  }

 private:
  std::vector<std::string> names_{"memory"};
  std::map<std::pair<std::size_t, std::size_t>, std::uint32_t> next_;
};

EventLog random_log(std::uint64_t seed, std::size_t users, std::uint32_t items) {
  Rng rng(seed);
  std::vector<std::vector<Step>> steps(users);
  for (auto& user : steps)
    for (std::int64_t i = 0; i < 4 + static_cast<std::int64_t>(rng.below(6)); ++i)
      user.push_back({static_cast<std::uint32_t>(rng.below(items)), i});
  return log_of(steps, items);
}

void by_row(const Query&, std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = -static_cast<float>(i);
}

std::filesystem::path fresh_folder() {
  std::string path = (std::filesystem::temp_directory_path() / "penchant_eval_XXXXXX").string();
  return mkdtemp(path.data());
}

TEST(Runner, MatchesHandComputedFiguresInBothSeenSettings) {
  // Scores fall with the row. Targets: row 2 (history 0, 1) and row 5 (history 0, 3, 4).
  const EventLog log = log_of({{{0, 1}, {1, 2}, {2, 3}}, {{0, 1}, {3, 2}, {4, 3}, {5, 4}}}, 30);
  Executor executor(2);
  const std::vector<ModelSource> sources{source("rows", false, by_row)};
  const auto report = run_models(log, sources, {}, executor).value();
  ASSERT_EQ(report.results.size(), 2u);
  const auto& kept = report.results[0];
  const auto& removed = report.results[1];
  EXPECT_EQ(kept.seen, Seen::kept);
  EXPECT_EQ(kept.users, 2u);
  EXPECT_NEAR(kept.find("mrr@10")->value, (1.0 / 3 + 1.0 / 6) / 2, 1e-6);
  EXPECT_NEAR(kept.find("recall@5")->value, 0.5, 1e-6);
  EXPECT_NEAR(kept.find("ndcg@10")->value, (0.5 + 1 / std::log2(7.0)) / 2, 1e-6);
  EXPECT_NEAR(removed.find("mrr@10")->value, (1.0 + 1.0 / 3) / 2, 1e-6);
  EXPECT_NEAR(removed.find("recall@5")->value, 1, 1e-6);
  EXPECT_NEAR(kept.find("coverage@10")->value, 10.0 / 30, 1e-9);
  // Lists without seen items: rows 2..11, and rows 1, 2, 5..12.
  EXPECT_NEAR(removed.find("coverage@10")->value, 12.0 / 30, 1e-9);
  EXPECT_NEAR(kept.find("popularity@10")->value, 3.0 / 10, 1e-6);  // training: 0 twice, 3 once
  EXPECT_EQ(report.splits[0].unseen_targets, 2u);
}

TEST(Runner, TheSeenFilterMissesARepeatedTarget) {
  const EventLog log = log_of({{{0, 1}, {1, 2}, {0, 3}}}, 20);
  Executor executor(1);
  const std::vector<ModelSource> sources{source("rows", false, by_row)};
  const auto report = run_models(log, sources, {}, executor).value();
  EXPECT_EQ(report.results[0].find("recall@5")->value, 1);
  EXPECT_EQ(report.results[1].find("recall@20")->value, 0);
  EXPECT_EQ(report.splits[0].repeated_targets, 1u);
}

TEST(Runner, EqualScoresAreNeverAHitByLuck) {
  const EventLog log = random_log(3, 40, 60);
  Executor executor(2);
  const std::vector<ModelSource> sources{
      source("constant", false, [](const Query&, std::span<float> out) { std::ranges::fill(out, 1.0f); })};
  const auto report = run_models(log, sources, {}, executor).value();
  for (const auto& result : report.results) EXPECT_EQ(result.find("recall@20")->value, 0);
}

TEST(Runner, ItemsThatCannotBeRecommendedAreNeitherHitNorListed) {
  const EventLog log = log_of({{{0, 1}, {1, 2}, {2, 3}}}, 25);
  Executor executor(1);
  const std::vector<ModelSource> sources{source("none", false, [](const Query&, std::span<float> out) {
    std::ranges::fill(out, kNever);
    out[7] = 1;
  })};
  const auto report = run_models(log, sources, {}, executor).value();
  EXPECT_EQ(report.results[0].find("recall@20")->value, 0);
  EXPECT_NEAR(report.results[0].find("coverage@10")->value, 1.0 / 25, 1e-9);
}

TEST(Leak, NoFittingStepEverReceivesAHeldOutEvent) {
  const EventLog log = random_log(8, 60, 40);
  TrainingData fitted;
  Executor executor(1);
  const std::vector<ModelSource> sources{{"canary", false, true, [&](const Split&) -> Result<BoundModel> {
                                            return BoundModel{
                                                std::make_unique<Canary>("canary", by_row, &fitted)};
                                          }}};
  // The spans of `fitted` live with the split; only their lengths are looked at afterwards.
  ASSERT_TRUE(run_models(log, sources, {}, executor).ok());
  ASSERT_EQ(fitted.users.size(), log.users());
  for (std::size_t u = 0; u < log.users(); ++u) EXPECT_EQ(fitted.users[u].size(), log.of(u).size() - 2);
}

TEST(Leak, PlantingTheTestEventsInAFittingStepShows) {
  const EventLog log = random_log(9, 80, 200);
  const auto split = Split::make(log, {}).value();
  Executor executor(1);
  const auto ndcg_after = [&](const TrainingData& training) {
    std::vector<std::unique_ptr<Model>> models;
    models.push_back(std::make_unique<Memory>());
    EXPECT_TRUE(models[0]->fit({.training = training}, executor, {}).ok());
    const auto rankings = rank_cases(split, models, {}, executor).value();
    double hits = 0;
    for (const auto rank : rankings[0].ranks) hits += rank == 1 ? 1 : 0;
    return hits / static_cast<double>(rankings[0].ranks.size());
  };
  EXPECT_EQ(ndcg_after(split.training()), 0);
  TrainingData planted = split.training();
  for (std::size_t u = 0; u < log.users(); ++u) planted.users[u] = split.log().of(u);
  EXPECT_EQ(ndcg_after(planted), 1);  // the same model with the answers: the guard would be seen to fail
}

TEST(Runner, DoesNotDependOnTheNumberOfThreads) {
  const EventLog log = random_log(4, 700, 90);
  const auto run = [&](std::size_t threads) {
    Executor executor(threads);
    auto sources = model_sources({}, "", false).value();
    RunOptions options{.ties = {Ties::given, Ties::shuffled}, .seed = 5};
    return to_json(run_models(log, sources, options, executor).value(), {.timings = false});
  };
  EXPECT_EQ(run(1), run(3));
}

TEST(Runner, SaysWhoBeatsWhomAndWhoDoesNot) {
  const EventLog log = random_log(6, 300, 50);
  const auto split = Split::make(log, {}).value();
  std::vector<std::uint32_t> target(log.users());
  for (const Case& c : split.cases(Stage::test)) target[c.user] = c.target;
  const auto oracle = [target](const Query& q, std::span<float> out) {
    std::ranges::fill(out, 0.0f);
    out[target[q.user]] = 1;
  };
  Executor executor(2);
  const std::vector<ModelSource> sources{source("penchant", false, oracle), source("weak", true, by_row),
                                         source("same", true, oracle)};
  const auto report = run_models(log, sources, {.seen = {Seen::kept}}, executor).value();
  ASSERT_EQ(report.comparisons.size(), 2u);
  EXPECT_TRUE(report.comparisons[0].beats());
  EXPECT_FALSE(report.comparisons[1].beats());
  const auto lines = sentences(report);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(
      lines[0],
      ::testing::MatchesRegex(
          "penchant beats weak by 0\\.[0-9]+ \\[0\\.[0-9]+, [01]\\.[0-9]+\\] NDCG@10 over 300 users .*"));
  EXPECT_THAT(lines[1], HasSubstr("penchant does not beat same: difference 0.0000 [0.0000, 0.0000]"));
  EXPECT_THAT(summary(report), HasSubstr("300 users, leave-last-out"));
}

TEST(Runner, RefusesOrMarksAModelThatSawTheAnswers) {
  const EventLog log = random_log(6, 30, 50);
  Executor executor(1);
  ModelSource refused{"release r1", false, true,
                      [](const Split&) -> Result<BoundModel> { return invalid("it saw held-out events"); }};
  const auto error =
      run_models(log, std::vector<ModelSource>{refused, source("rows", true, by_row)}, {}, executor);
  ASSERT_FALSE(error.ok());
  EXPECT_THAT(error.error().message, HasSubstr("saw held-out"));

  refused.required = false;
  const auto noted =
      run_models(log, std::vector<ModelSource>{refused, source("rows", true, by_row)}, {}, executor);
  ASSERT_TRUE(noted.ok());
  ASSERT_EQ(noted->notes.size(), 1u);
  EXPECT_THAT(noted->notes[0], HasSubstr("release r1 was left out with ties given: it saw held-out events"));

  const ModelSource marked{"penchant", false, true, [](const Split&) -> Result<BoundModel> {
                             return BoundModel{std::make_unique<Canary>("penchant", by_row), true};
                           }};
  const auto report =
      run_models(log, std::vector<ModelSource>{marked, source("rows", true, by_row)}, {}, executor).value();
  EXPECT_TRUE(report.results[0].seen_in_training);
  EXPECT_FALSE(report.comparisons[0].beats());
  EXPECT_THAT(sentences(report)[0], HasSubstr("cannot be compared"));
  EXPECT_THAT(to_json(report), HasSubstr("\"seen_in_training\":true"));
  EXPECT_THAT(to_table(report), HasSubstr("! seen in training"));
}

TEST(Runner, ChecksItsOptionsAndModelNames) {
  const EventLog log = random_log(6, 30, 50);
  Executor executor(1);
  const std::vector<ModelSource> sources{source("rows", true, by_row)};
  EXPECT_THAT(run_models(log, sources, {.resamples = 10}, executor).error().message, HasSubstr("1000"));
  EXPECT_THAT(run_models(log, {}, {}, executor).error().message, HasSubstr("no model"));
  const std::vector<std::string> unknown{"penchant"}, twice{"popularity", "popularity"};
  EXPECT_THAT(model_sources(unknown, "", false).error().message, HasSubstr("penchant train"));
  EXPECT_THAT(model_sources(twice, "", false).error().message, HasSubstr("named twice"));
  const auto cancelled = run_models(log, sources, {}, executor, [](const Progress&) { return false; });
  EXPECT_EQ(cancelled.error().code, ErrorCode::cancelled);
}

TEST(Export, FiguresCanBeRecomputedFromTheFiles) {
  const EventLog log = random_log(11, 120, 80);
  Executor executor(2);
  const auto sources = model_sources({}, "", false).value();
  const auto folder = fresh_folder();
  const auto report = run_models(log, sources, {.export_folder = folder.string()}, executor).value();
  const auto split = Split::make(log, {}).value();
  std::map<std::string, std::string> target;
  for (const Case& c : split.cases(Stage::test)) target[log.user_ids[c.user]] = log.item_ids[c.target];
  for (const auto& result : report.results) {
    std::ifstream file(folder / (result.model + "-" + std::string(name_of(result.seen)) + "-given.csv"));
    std::string line;
    ASSERT_TRUE(std::getline(file, line));
    EXPECT_EQ(line, "user_id,rank,item_id,score");
    double ndcg = 0;
    std::map<std::string, int> rows;
    while (std::getline(file, line)) {
      std::stringstream fields(line);
      std::string user, rank, item;
      std::getline(fields, user, ',');
      std::getline(fields, rank, ',');
      std::getline(fields, item, ',');
      EXPECT_EQ(std::stoi(rank), ++rows[user]);
      if (item == target.at(user) && std::stoi(rank) <= 10) ndcg += 1 / std::log2(1 + std::stod(rank));
    }
    EXPECT_EQ(rows.size(), 120u);
    EXPECT_LE(rows.begin()->second, 50);
    EXPECT_NEAR(ndcg / 120, result.find("ndcg@10")->value, 1e-6) << result.model;
  }
  std::filesystem::remove_all(folder);
}

TEST(Export, NamesAFolderThatCannotBeMade) {
  const EventLog log = random_log(11, 20, 30);
  Executor executor(1);
  const auto folder = fresh_folder();
  std::ofstream(folder / "taken") << "x";
  const std::vector<ModelSource> sources{source("rows", true, by_row)};
  const auto report = run_models(log, sources, {.export_folder = (folder / "taken").string()}, executor);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::io);
  EXPECT_THAT(report.error().message, HasSubstr("taken"));
  std::filesystem::remove_all(folder);
}

TEST(ReportText, JsonHasTheAgreedShape) {
  const EventLog log = random_log(12, 50, 40);
  Executor executor(1);
  auto sources = model_sources({}, "", false).value();
  sources.push_back(source("penchant", false, by_row));
  const auto report =
      run_models(log, sources, {.ties = {Ties::given, Ties::shuffled}, .seed = 3}, executor).value();
  const auto root = boost::json::parse(to_json(report)).as_object();
  EXPECT_EQ(root.at("protocol").at("split").as_string(), "last-out");
  const auto& results = root.at("results").as_array();
  const std::size_t models = sources.size();
  ASSERT_EQ(results.size(), models * 2 * 2);
  std::set<std::string> settings;
  for (const auto& result : results) {
    settings.insert(std::string(result.at("model").as_string()) + std::string(result.at("seen").as_string()) +
                    std::string(result.at("ties").as_string()));
    EXPECT_EQ(result.at("seed").as_int64(), 3);
    EXPECT_EQ(result.at("users").as_int64(), 50);
    for (const char* name : {"recall@5", "ndcg@10", "mrr@20", "recall@10", "coverage@10", "popularity@10"}) {
      const auto& metric = result.at("metrics").at(name);
      EXPECT_LE(metric.at("low").to_number<double>(), metric.at("high").to_number<double>());
      EXPECT_TRUE(metric.at("value").is_number());
    }
  }
  EXPECT_EQ(settings.size(), models * 4);
  const auto& comparisons = root.at("comparisons").as_array();
  ASSERT_EQ(comparisons.size(), (models - 1) * 2 * 2);
  EXPECT_EQ(comparisons[0].at("metric").as_string(), "ndcg@10");
  EXPECT_TRUE(comparisons[0].at("difference").is_number());
}

TEST(ReportText, TableFitsAHundredColumns) {
  const EventLog log = random_log(12, 50, 40);
  Executor executor(1);
  const auto sources = model_sources({}, "", false).value();
  const std::string table = to_table(run_models(log, sources, {}, executor).value());
  std::stringstream lines(table);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100u) << line;
  EXPECT_THAT(table, HasSubstr("transitions"));
}

}  // namespace
}  // namespace penchant::evaluate
