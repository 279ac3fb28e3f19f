// Figures beside plain accuracy: slices, seeds, parity, samples, controls, calibration, content, reports.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>
#include <map>
#include <sstream>

#include "penchant/base/rng.h"
#include "penchant/evaluate/estimates.h"
#include "penchant/evaluate/ranking.h"
#include "penchant/evaluate/report/report.h"
#include "penchant/evaluate/runner.h"
#include "penchant/evaluate/test_logs.h"
#include "penchant/metrics/ranking.h"

namespace penchant::evaluate {
namespace {

using ::testing::HasSubstr;

/// Scores from a function; may claim logits, and may depend on the seed.
class Made final : public Model {
 public:
  using Score = std::function<void(const Query&, std::uint64_t seed, std::span<float>)>;
  Made(std::string name, Score score, bool logits, bool seeded, int* fits)
      : names_{std::move(name)}, score_(std::move(score)), logits_(logits), seeded_(seeded), fits_(fits) {}
  [[nodiscard]] const std::vector<std::string>& names() const noexcept override { return names_; }
  Status fit(const FitInput& input, Executor&, const ProgressSink&) override {
    seed_ = input.seed;
    if (fits_ != nullptr) ++*fits_;
    return {};
  }
  Status prepare(std::span<const Query> queries, Executor&) override {
    for (std::size_t q = 0; q < queries.size(); ++q) EXPECT_EQ(queries[q].number, q);
    return {};
  }
  Status score(std::span<const Query> queries, MatrixView<float> out) const override {
    for (std::size_t q = 0; q < queries.size(); ++q) score_(queries[q], seed_, out.row(q));
    return {};
  }
  [[nodiscard]] bool scores_are_logits() const noexcept override { return logits_; }
  [[nodiscard]] bool uses_seed() const noexcept override { return seeded_; }

 private:
  std::vector<std::string> names_;
  Score score_;
  bool logits_, seeded_;
  int* fits_;
  std::uint64_t seed_ = 0;
};

struct Traits {
  bool baseline = false, logits = false, seeded = true, required = true;
  ContentUse content = ContentUse::none;
  int* fits = nullptr;
};
ModelSource source(const std::string& name, Made::Score score, Traits t = {}) {
  return {.name = name,
          .baseline = t.baseline,
          .required = t.required,
          .bind = [=](const Split&) -> Result<BoundModel> {
            return BoundModel{std::make_unique<Made>(name, score, t.logits, t.seeded, t.fits)};
          },
          .content = t.content};
}

EventLog random_log(std::uint64_t seed, std::size_t users, std::uint32_t items) {
  Rng rng(seed);
  std::vector<std::vector<Step>> steps(users);
  for (auto& user : steps)
    for (std::int64_t i = 0; i < 4 + static_cast<std::int64_t>(rng.below(40)); ++i)
      user.push_back({static_cast<std::uint32_t>(rng.below(items)), i / 2});
  return log_of(steps, items);
}

/// Noise from user, item and seed, so that every row is another and ties are rare.
void noise(const Query& q, std::uint64_t seed, std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    Rng rng(seed * 1'000'003 + q.user * 10'007 + i);
    out[i] = static_cast<float>(rng.uniform());
  }
}
void few_values(const Query& q, std::uint64_t seed, std::span<float> out) {
  noise(q, seed, out);
  for (float& x : out) x = x < 0.1F ? -std::numeric_limits<float>::infinity() : std::round(x * 5);
}

/// Everything scored, sorted, the target behind its equals: the slow, obviously right ranking.
TEST(FastRanking, EqualsSortingEverything) {
  const EventLog log = random_log(1, 150, 90);
  const auto split = Split::make(log, {}).value();
  Executor executor(2);
  for (const auto& score : {Made::Score(noise), Made::Score(few_values)}) {
    Made model("made", score, false, true, nullptr);
    std::map<std::pair<std::uint32_t, Seen>, std::vector<std::uint32_t>> lists;
    RankOptions options{.seen = {Seen::removed, Seen::kept}, .list_length = 25};
    options.on_list = [&](const TopList& list) -> Status {
      lists[{list.of->user, list.seen}] = {list.items.begin(), list.items.end()};
      return {};
    };
    const auto rankings = rank_cases(split, model, options, executor).value();
    ASSERT_EQ(rankings.size(), 2U);
    EXPECT_EQ(rankings[0].seen, Seen::removed);
    const auto cases = split.cases(Stage::test);
    std::vector<float> scores(log.items());
    for (std::size_t i = 0; i < cases.size(); ++i)
      for (const auto& ranking : rankings) {
        const Case& c = cases[i];
        score({split.history(c), c.user, c.at_ms, i}, 0, scores);
        std::vector<std::uint32_t> order;
        for (std::uint32_t item = 0; item < log.items(); ++item) {
          bool seen = false;
          for (const auto& event : split.history(c)) seen |= event.item == item;
          if (std::isfinite(scores[item]) && !(seen && ranking.seen == Seen::removed)) order.push_back(item);
        }
        std::ranges::sort(order, [&](auto a, auto b) {
          if (scores[a] != scores[b]) return scores[a] > scores[b];
          if ((a == c.target) != (b == c.target)) return b == c.target;
          return a < b;
        });
        const auto at = std::ranges::find(order, c.target);
        const auto rank = at == order.end() ? metrics::kNoRank : static_cast<std::uint32_t>(at - order.begin() + 1);
        ASSERT_EQ(ranking.ranks[i], rank);
        order.resize(std::min<std::size_t>(order.size(), 25));
        ASSERT_EQ((lists[{c.user, ranking.seen}]), order);
      }
  }
}

TEST(Slices, DivideAllUsersAndHaveTheirOwnFigures) {
  const EventLog log = random_log(2, 200, 120);
  Executor executor(2);
  const auto report = run_models(log, std::vector{source("noise", noise)}, {.seen = {Seen::kept}}, executor).value();
  const ModelResult& result = report.results[0];
  std::map<std::string, std::size_t> users;
  std::map<std::string, double> weighted;
  for (const auto& slice : result.slices) {
    users[slice.dimension] += slice.users;
    if (slice.users == 0) continue;
    EXPECT_EQ(slice.metrics[0].name, "ndcg@10");
    EXPECT_LE(slice.metrics[0].estimate.low, slice.metrics[0].estimate.high);
    weighted[slice.dimension] += static_cast<double>(slice.users) * slice.metrics[0].estimate.value;
  }
  EXPECT_EQ(users.size(), 4U);  // item-frequency, user, history-length, item-age
  for (const auto& [dimension, count] : users) {
    EXPECT_EQ(count, result.users) << dimension;
    EXPECT_NEAR(weighted[dimension] / 200, result.find("ndcg@10")->value, 1e-12) << dimension;
  }
}

TEST(Slices, PutCasesWhereTheyBelong) {
  constexpr std::int64_t kDay = 86'400'000;
  // Item 9 is asked for but never trained on; item 0 is 10 days old when it is asked for again.
  const EventLog log = log_of({{{0, 0}, {1, 1 * kDay}, {2, 2 * kDay}, {0, 10 * kDay}}, {{3, 0}, {4, 5}, {9, 9}}}, 12);
  const auto split = Split::make(log, {}).value();
  const auto slices = slice_cases(split, split.cases(Stage::test));
  ASSERT_EQ(slices.size(), 4U);
  const auto of = [&](std::size_t dimension, std::size_t c) { return slices[dimension].slices[slices[dimension].of[c]]; };
  EXPECT_EQ(of(0, 0), "1-5");
  EXPECT_EQ(of(0, 1), "0");
  EXPECT_EQ(of(1, 0), "known");
  EXPECT_EQ(of(2, 0), "1-5");
  EXPECT_EQ(of(3, 0), "7-30 days");
  EXPECT_EQ(of(3, 1), "never seen");
}

TEST(Seeds, MeanAndSpreadBesideTheInterval) {
  const EventLog log = random_log(3, 150, 60);
  Executor executor(2);
  int seeded = 0, fixed = 0;
  const std::vector sources{source("noise", noise, {.fits = &seeded}),
                            source("steady", [](const Query& q, std::uint64_t, auto out) { noise(q, 7, out); },
                                   {.baseline = true, .seeded = false, .fits = &fixed})};
  const auto report = run_models(log, sources, {.seen = {Seen::kept}, .seed = 5, .seeds = 3}, executor).value();
  EXPECT_EQ(seeded, 3);
  EXPECT_EQ(fixed, 1);  // nothing about it changes with the seed
  ASSERT_EQ(report.results.size(), 2U);
  ASSERT_EQ(report.by_seed.size(), 6U);
  double sum = 0, squares = 0;
  for (const auto& result : report.by_seed)
    if (result.model == "noise") sum += result.find("ndcg@10")->value / 3;
  for (const auto& result : report.by_seed)
    if (result.model == "noise") squares += std::pow(result.find("ndcg@10")->value - sum, 2) / 2;
  EXPECT_NEAR(report.results[0].find("ndcg@10")->value, sum, 1e-12);
  EXPECT_NEAR(report.results[0].metrics[4].spread, std::sqrt(squares), 1e-12);
  EXPECT_GT(report.results[0].metrics[4].spread, 0);
  EXPECT_EQ(report.results[1].metrics[4].spread, 0);
  EXPECT_EQ(report.comparisons.size(), 1U);
  EXPECT_THAT(to_table(report), HasSubstr("Mean over 3 seeds"));
  EXPECT_THAT(to_csv(report), HasSubstr("\nnoise,0,last-out,kept,given,all,ndcg@10,,,150,"));
  EXPECT_THAT(to_csv(report), HasSubstr("\nnoise,0,last-out,kept,given,7,ndcg@10,,,150,"));
}

TEST(Parity, LevelMeansInsideAMarginThatWasFixedBefore) {
  const EventLog log = random_log(4, 200, 60);
  Executor executor(2);
  const std::vector sources{source("a", noise), source("same", noise, {.baseline = true})};
  const auto plain = run_models(log, sources, {.seen = {Seen::kept}}, executor).value();
  EXPECT_FALSE(plain.comparisons[0].level());
  EXPECT_THAT(sentences(plain)[0], HasSubstr("a does not beat same"));
  const auto margin = run_models(log, sources, {.seen = {Seen::kept}, .margin = 0.002}, executor).value();
  EXPECT_TRUE(margin.comparisons[0].level());
  EXPECT_THAT(sentences(margin)[0], HasSubstr("a is level with same within 0.002"));
}

TEST(Against, ComparesEveryOtherModelWithTheOneOrTheBest) {
  const EventLog log = random_log(5, 200, 60);
  const auto split = Split::make(log, {}).value();
  std::vector<std::uint32_t> target(log.users());
  for (const Case& c : split.cases(Stage::test)) target[c.user] = c.target;
  const auto oracle = [target](const Query& q, std::uint64_t, std::span<float> out) {
    std::ranges::fill(out, 0.0F);
    out[target[q.user]] = 1;
  };
  Executor executor(2);
  const Traits baseline{.baseline = true};
  const std::vector sources{source("oracle", oracle, baseline), source("noise", noise, baseline),
                            source("few", few_values, baseline)};
  RunOptions options{.seen = {Seen::kept}};
  options.against = "best";
  const auto best = run_models(log, sources, options, executor).value();
  ASSERT_EQ(best.comparisons.size(), 2U);
  EXPECT_EQ(best.comparisons[0].baseline, "oracle");
  EXPECT_LT(best.comparisons[0].difference.high, 0);
  EXPECT_THAT(sentences(best)[0], HasSubstr("Against oracle in NDCG@10, over 200 users (seen items kept); behind: "));
  EXPECT_THAT(sentences(best)[1], HasSubstr("oracle is the best of these models by NDCG@10"));
  for (const auto& winner : best.winners) EXPECT_EQ(winner.model, "oracle");
  EXPECT_TRUE(best.winners[0].clear());
  options.against = "nobody";
  EXPECT_THAT(run_models(log, sources, options, executor).error().message, HasSubstr("\"nobody\" is not among"));
}

TEST(Sample, AsksTheSameUsersAndSaysSo) {
  const EventLog log = random_log(6, 300, 60);
  Executor executor(2);
  RunOptions options{.ties = {Ties::given, Ties::shuffled}, .seen = {Seen::kept}, .max_users = 40};
  const auto report = run_models(log, std::vector{source("noise", noise)}, options, executor).value();
  for (const auto& result : report.results) EXPECT_EQ(result.users, 40U);
  EXPECT_EQ(report.splits[0].users_to_ask, 300U);
  EXPECT_THAT(to_table(report), HasSubstr("Drawn from 300 users"));
  EXPECT_THAT(summary(report), HasSubstr("40 users drawn from 300"));
}

TEST(Calibration, IsMeasuredOfLogitsAlone) {
  const EventLog log = random_log(7, 400, 20);
  const auto split = Split::make(log, {}).value();
  std::vector<std::uint32_t> target(log.users());
  for (const Case& c : split.cases(Stage::test)) target[c.user] = c.target;
  // Names the target with probability p, and says so: p of the best item, the rest spread evenly.
  const auto honest = [&](double said, double true_share) {
    return [=](const Query& q, std::uint64_t, std::span<float> out) {
      std::ranges::fill(out, static_cast<float>(std::log((1 - said) / static_cast<double>(out.size() - 1))));
      const bool right = static_cast<double>(q.number % 10) < 10 * true_share;
      out[right ? target[q.user] : (target[q.user] + 1) % out.size()] = static_cast<float>(std::log(said));
    };
  };
  Executor executor(2);
  const std::vector sources{source("calibrated", honest(0.5, 0.5), {.logits = true}),
                            source("boastful", honest(0.9, 0.5), {.logits = true}), source("mute", honest(0.5, 0.5))};
  const auto report = run_models(log, sources, {.seen = {Seen::kept}}, executor).value();
  EXPECT_LT(report.results[0].find("ece")->value, 0.001);
  EXPECT_NEAR(report.results[1].find("ece")->value, 0.4, 0.001);
  EXPECT_NEAR(report.results[1].find("ece")->high - report.results[1].find("ece")->low, 4 * 0.5 / 20, 0.03);
  EXPECT_EQ(report.results[2].find("ece"), nullptr);
}

TEST(Content, IsMadeOnceAndOnlyWhereItIsNeeded) {
  const EventLog log = random_log(8, 60, 30);
  Executor executor(1);
  int made = 0;
  RunOptions options{.seen = {Seen::kept}};
  options.content = [&](Executor&, const ProgressSink&) -> Result<ContentVectors> {
    ++made;
    Matrix<float> rows(30, 2);
    for (std::size_t i = 0; i < 30; ++i) rows(i, i % 2) = 1;
    return ContentVectors{std::move(rows), {{"text", 0, 2}}};
  };
  const auto without = run_models(log, std::vector{source("noise", noise)}, options, executor).value();
  EXPECT_EQ(made, 0);
  EXPECT_EQ(without.results[0].find("diversity@10"), nullptr);
  options.ties = {Ties::given, Ties::shuffled};
  const std::vector both{source("noise", noise), source("needy", noise, {.content = ContentUse::needed})};
  const auto with = run_models(log, both, options, executor).value();
  EXPECT_EQ(made, 1);
  const double diversity = with.results[0].find("diversity@10")->value;
  EXPECT_GT(diversity, 0.4);  // half of all pairs are at right angles
  EXPECT_LT(diversity, 0.6);

  options.content = [](Executor&, const ProgressSink&) -> Result<ContentVectors> { return invalid("there is no text"); };
  EXPECT_THAT(run_models(log, both, options, executor).error().message, HasSubstr("needy needs content vectors: there is no text"));
  options.measure_diversity = true;
  EXPECT_THAT(run_models(log, std::vector{source("noise", noise)}, options, executor).error().message,
              HasSubstr("diversity cannot be measured: there is no text"));
}

TEST(Sources, SettingsAndGroups) {
  const auto sources = model_sources({.names = {"transitions", "default"}}).value();
  EXPECT_EQ(sources.size(), 4U);
  EXPECT_TRUE(sources[0].required);
  EXPECT_FALSE(sources[1].required);
  EXPECT_THAT(model_sources({.names = {"popularity"}, .settings = {"ease.lambda=3"}}).error().message,
              HasSubstr("ease is not among the models"));
  EXPECT_THAT(model_sources({.names = {"popularity"}, .settings = {"lambda=3"}}).error().message,
              HasSubstr("MODEL.NAME=VALUE"));
  EXPECT_FALSE(model_sources({.names = {"ease"}, .settings = {"ease.nonsense=3"}}).ok());
  EXPECT_TRUE(model_sources({.names = {"ease"}, .settings = {"ease.lambda=3"}}).ok());
  EXPECT_EQ(model_sources({.names = {"all"}}).value().size(), baselines().size());
}

TEST(ReportText, HtmlIsOnePageThatNeedsNothingElse) {
  const EventLog log = random_log(9, 80, 40);
  Executor executor(1);
  std::vector sources{source("<model & \"co\">", noise)};
  for (int m = 0; m < 13; ++m) sources.push_back(source("baseline " + std::to_string(m), few_values, {.baseline = true}));
  const auto report = run_models(log, sources, {.margin = 0.01}, executor).value();
  const std::string page = to_html(report);
  EXPECT_THAT(page, HasSubstr("&lt;model &amp; &quot;co&quot;&gt;"));
  EXPECT_THAT(page, ::testing::Not(HasSubstr("<model")));
  for (const char* outside : {"http:", "https:", "<script", "@import", "url("})
    EXPECT_THAT(page, ::testing::Not(HasSubstr(outside)));
  EXPECT_THAT(page, HasSubstr("prefers-color-scheme:dark"));
  EXPECT_THAT(page, ::testing::Not(HasSubstr("nan")));
  std::stringstream lines(to_table(report) + to_slice_table(report));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100U) << line;
  EXPECT_NO_THROW(static_cast<void>(boost::json::parse(to_json(report))));
  EXPECT_LE(sentences(report).size(), 6U);  // thirteen baselines are not thirteen lines
}

}  // namespace
}  // namespace penchant::evaluate
