#include "penchant/evaluate/baselines/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "penchant/evaluate/baselines/baseline_testing.h"
#include "penchant/evaluate/baselines/settings.h"

namespace penchant::evaluate {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string refusal(std::string_view name, std::vector<std::string> settings) {
  const auto made = make_baseline(name, settings);
  return made.ok() ? "" : made.error().message;
}

TEST(Baselines, AreAllThereUnderTheirNames) {
  std::set<std::string> names;
  for (const auto& info : baselines()) {
    EXPECT_TRUE(names.emplace(info.name).second) << info.name << " twice";
    EXPECT_FALSE(info.what.empty());
    EXPECT_EQ(find_baseline(info.name), &info);
    auto made = make_baseline(info.name);
    ASSERT_TRUE(made.ok()) << info.name << ": " << made.error().message;
    EXPECT_THAT((*made)->names(), ::testing::ElementsAre(std::string(info.name)));
  }
  for (const char* name : {"popularity", "popularity-recent", "transitions", "item-knn", "ease", "ials",
                           "bpr", "item2vec", "content-knn", "hybrid", "gru4rec", "gru4rec-bprmax", "sasrec",
                           "sasrec-sampled", "sasrec-bce", "sasrec-refit", "gsasrec", "bert4rec"})
    EXPECT_TRUE(names.contains(name)) << name;
}

TEST(Baselines, DefaultsAndSearchRangesAreAccepted) {
  for (const auto& info : baselines())
    for (const Setting& s : info.settings) {
      const std::string what = std::string(info.name) + " " + std::string(s.name);
      EXPECT_LE(s.least, s.low) << what;
      EXPECT_LT(s.low, s.high) << what;
      EXPECT_LE(s.high, s.most) << what;
      EXPECT_GE(s.value, s.least) << what;
      EXPECT_LE(s.value, s.most) << what;
      EXPECT_TRUE(!s.logarithmic || s.low > 0) << what;
      EXPECT_FALSE(s.what.empty()) << what;
      for (const double value : {s.low, s.high, s.value})
        EXPECT_EQ(refusal(info.name, {std::string(s.name) + "=" + std::to_string(value)}), "") << what;
    }
}

TEST(Baselines, RefusalsNameWhatIsKnown) {
  EXPECT_THAT(refusal("eease", {}),
              AllOf(HasSubstr("\"eease\" is not known"), HasSubstr("item-knn"), HasSubstr("bert4rec")));
  EXPECT_THAT(refusal("ease", {"lamda=3"}),
              AllOf(HasSubstr("no setting \"lamda\""), HasSubstr("lambda (0.001 to")));
  EXPECT_THAT(refusal("popularity", {"days=3"}), HasSubstr("popularity has no settings"));
  EXPECT_THAT(refusal("ease", {"lambda"}), HasSubstr("write name=value"));
  EXPECT_THAT(refusal("ease", {"=3"}), HasSubstr("no setting \"\""));
  for (const char* value : {"", "x", "3x", " 3", "1e999", "nan", "inf", "0x10"})
    EXPECT_THAT(refusal("ease", {std::string("lambda=") + value}), HasSubstr("not a number")) << value;
  EXPECT_THAT(refusal("ease", {"lambda=-1"}), AllOf(HasSubstr("lambda of ease: -1"), HasSubstr("0.001 to")));
  EXPECT_THAT(refusal("ease", {"decay=1.5"}), HasSubstr("out of range"));
  EXPECT_THAT(refusal("ials", {"dim=2.5"}), HasSubstr("not a whole number"));
  EXPECT_THAT(refusal("ials", {"dim=1e9"}), HasSubstr("out of range"));
  EXPECT_THAT(refusal("sasrec", {"dim=65"}), HasSubstr("not a multiple of 8"));
}

TEST(Baselines, TheLastValueOfANameCounts) {
  const auto values =
      SettingValues::parse(*find_baseline("ials"), std::vector<std::string>{"dim=8", "decay=0.5", "dim=16"});
  ASSERT_TRUE(values.ok());
  EXPECT_EQ(values->count("dim"), 16u);
  EXPECT_EQ(values->number("decay"), 0.5);
  EXPECT_THROW(static_cast<void>(values->number("lambda")), InternalError);
  EXPECT_THAT(values->words(), ::testing::Contains("dim=16"));
}

/// Settings that keep a fit on tiny data short.
std::vector<std::string> quick(const BaselineInfo& info) {
  std::vector<std::string> settings;
  for (const Setting& s : info.settings) {
    if (s.name == "dim") settings.push_back("dim=8");
    if (s.name == "epochs") settings.push_back("epochs=3");
  }
  return settings;
}

Matrix<float> random_content(std::size_t items, std::size_t dim) {
  Rng rng(5);
  Matrix<float> content(items, dim);
  for (float& v : content.values()) v = static_cast<float>(rng.uniform() - 0.5);
  return content;
}

TEST(Baselines, ResultsDependOnTheSeedAndNotOnThreads) {
  TrainingLog data(random_log(90, 70, 12, 3));
  for (const auto& query : data.queries)
    if (query.history.size() > 1)
      data.validation.push_back(
          {query.history.first(query.history.size() - 1), query.user, query.history.back().item});
  const auto content = random_content(70, 6);
  for (const auto& info : baselines()) {
    if (info.trained) continue;
    std::vector<Matrix<float>> scores;
    for (const std::size_t threads : {1, 2, 3}) {
      Executor executor(threads);
      auto model = make_baseline(info.name, quick(info)).value();
      ASSERT_TRUE(model->fit(data.input(content.view()), executor, {}).ok()) << info.name;
      scores.push_back(scores_of(*model, data));
    }
    EXPECT_EQ(scores[0].values(), scores[1].values()) << info.name;
    EXPECT_EQ(scores[0].values(), scores[2].values()) << info.name;
    Executor executor(1);
    auto other = make_baseline(info.name, quick(info)).value();
    ASSERT_TRUE(other->fit(data.input(content.view(), 2), executor, {}).ok());
    EXPECT_EQ(scores_of(*other, data).values() != scores[0].values(), other->uses_seed()) << info.name;
  }
}

TEST(Baselines, ScoreOverwritesEverythingAndNeverGivesNaN) {
  const auto content = random_content(1, 6);
  for (const auto& log : {log_of({{{0, 1}}}, 1), log_of({{{0, 1}, {0, 1}, {0, 2}}, {}}, 1)}) {
    const TrainingLog data(log);
    for (const auto& info : baselines()) {
      if (info.trained) continue;
      Executor executor(2);
      auto model = make_baseline(info.name, quick(info)).value();
      const auto fitted = model->fit(data.input(content.view()), executor, {});
      ASSERT_TRUE(fitted.ok()) << info.name << ": " << fitted.error().message;
      Matrix<float> out(1, 1);
      out(0, 0) = std::numeric_limits<float>::quiet_NaN();
      ASSERT_TRUE(model->score(data.queries, out.view()).ok());
      EXPECT_FALSE(std::isnan(out(0, 0))) << info.name;
    }
  }
}

TEST(Baselines, ItemsWithoutTrainingEventsAreNotRecommendedByWhatLearnsVectors) {
  const TrainingLog data(random_log(40, 30, 8, 4));
  for (const char* name : {"ease", "ials", "bpr", "item2vec"}) {
    Executor executor(1);
    auto model = make_baseline(name, quick(*find_baseline(name))).value();
    ASSERT_TRUE(model->fit(data.input(), executor, {}).ok());
    const auto scores = scores_of(*model, data);
    for (std::size_t q = 0; q < scores.rows(); ++q)
      EXPECT_EQ(scores(q, 29), -std::numeric_limits<float>::infinity()) << name;
  }
}

TEST(Baselines, ALongFitCanBeCancelled) {
  const TrainingLog data(random_log(40, 30, 8, 4));
  for (const char* name : {"ease", "ials", "bpr", "item2vec"}) {
    Executor executor(1);
    auto model = make_baseline(name).value();
    const auto status = model->fit(data.input(), executor, [](const Progress&) { return false; });
    ASSERT_FALSE(status.ok()) << name;
    EXPECT_EQ(status.error().code, ErrorCode::cancelled) << name;
  }
}

TEST(Baselines, WithoutContentTheOneThatNeedsItSaysSo) {
  const TrainingLog data(random_log(10, 8, 4, 4));
  Executor executor(1);
  const auto status = make_baseline("content-knn").value()->fit(data.input(), executor, {});
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().message, HasSubstr("needs content vectors"));
}

}  // namespace
}  // namespace penchant::evaluate
