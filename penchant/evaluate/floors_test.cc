// The counting floors of the literature, reproduced on real data.
#include <gtest/gtest.h>

#include <chrono>

#include "penchant/evaluate/report/report.h"
#include "penchant/evaluate/runner.h"
#include "penchant/evaluate/test_logs.h"

namespace penchant::evaluate {
namespace {

constexpr double kTolerance = 0.0005;

struct Floor {
  const char* model;
  Seen seen;
  double recall5, recall10, ndcg5, ndcg10;
};

Report run_floors(const EventLog& log, Ties ties, std::uint64_t seed) {
  Executor executor(2);
  const auto sources = model_sources({}, "", false);
  EXPECT_TRUE(sources.ok());
  RunOptions options{.ties = {ties}, .seed = seed};
  auto report = run_models(log, *sources, options, executor);
  EXPECT_TRUE(report.ok()) << (report.ok() ? "" : report.error().message);
  return std::move(report).value();
}

const ModelResult& find(const Report& report, std::string_view model, Seen seen) {
  for (const auto& result : report.results)
    if (result.model == model && result.seen == seen) return result;
  throw std::runtime_error("no such result");
}

void expect_floor(const Report& report, const Floor& floor, double tolerance) {
  const ModelResult& result = find(report, floor.model, floor.seen);
  const std::string what = std::string(floor.model) + ", seen " + std::string(name_of(floor.seen));
  EXPECT_NEAR(result.find("recall@5")->value, floor.recall5, tolerance) << what;
  EXPECT_NEAR(result.find("recall@10")->value, floor.recall10, tolerance) << what;
  EXPECT_NEAR(result.find("ndcg@5")->value, floor.ndcg5, tolerance) << what;
  EXPECT_NEAR(result.find("ndcg@10")->value, floor.ndcg10, tolerance) << what;
}

TEST(CountingFloors, AmazonBeautyInTheGivenOrder) {
  const auto folder = data_folder();
  if (!folder) GTEST_SKIP() << "amazon-beauty is not here: set PENCHANT_TEST_DATA";
  const EventLog log = read_sequences(*folder / "amazon-beauty");
  ASSERT_EQ(log.users(), 22363u);
  ASSERT_EQ(log.items(), 12101u);
  const auto start = std::chrono::steady_clock::now();
  const Report report = run_floors(log, Ties::given, 1);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  RecordProperty("seconds", std::to_string(took.count()));
  for (const Floor& floor : {
           Floor{"popularity", Seen::kept, .0064, .0106, .0037, .0051},
           Floor{"popularity", Seen::removed, .0068, .0110, .0039, .0053},
           Floor{"item-knn", Seen::kept, .0401, .0578, .0273, .0330},
           Floor{"item-knn", Seen::removed, .0461, .0645, .0333, .0392},
           Floor{"transitions", Seen::kept, .0503, .0688, .0361, .0420},
           Floor{"transitions", Seen::removed, .0553, .0756, .0410, .0476},
       })
    expect_floor(report, floor, kTolerance);
  EXPECT_EQ(report.splits[0].unseen_targets, 138u);
  EXPECT_EQ(report.splits[0].repeated_targets, 0u);
  EXPECT_TRUE(report.repeats.remove_seen());
  std::printf("%s%.1f s\n", to_table(report).c_str(), took.count());
}

TEST(CountingFloors, AmazonBeautyShuffledIsLowerAndMatchesTheMeanOfFive) {
  const auto folder = data_folder();
  if (!folder) GTEST_SKIP() << "amazon-beauty is not here: set PENCHANT_TEST_DATA";
  const EventLog log = read_sequences(*folder / "amazon-beauty");
  const Report report = run_floors(log, Ties::shuffled, 1);
  // One shuffle around the published mean of five; its standard deviation is up to 0.0013.
  expect_floor(report, {"transitions", Seen::kept, .0423, .0628, .0292, .0358}, 0.003);
  expect_floor(report, {"transitions", Seen::removed, .0493, .0694, .0356, .0421}, 0.003);
}

TEST(CountingFloors, AmazonSports) {
  const auto folder = data_folder();
  if (!folder) GTEST_SKIP() << "amazon-sports is not here: set PENCHANT_TEST_DATA";
  const EventLog log = read_sequences(*folder / "amazon-sports");
  const Report report = run_floors(log, Ties::given, 1);
  expect_floor(report, {"item-knn", Seen::kept, .0202, .0296, .0144, .0174}, kTolerance);
  expect_floor(report, {"item-knn", Seen::removed, .0241, .0331, .0174, .0203}, kTolerance);
  expect_floor(report, {"transitions", Seen::kept, .0232, .0334, .0164, .0197}, kTolerance);
  expect_floor(report, {"transitions", Seen::removed, .0257, .0360, .0184, .0217}, kTolerance);
  EXPECT_EQ(report.splits[0].unseen_targets, 317u);
}

TEST(CountingFloors, MovieLens1M) {
  const auto folder = data_folder();
  if (!folder) GTEST_SKIP() << "movielens-1m is not here: set PENCHANT_TEST_DATA";
  const EventLog log = read_sequences(*folder / "movielens-1m");
  const Report report = run_floors(log, Ties::given, 1);
  expect_floor(report, {"transitions", Seen::kept, .1389, .2070, .0947, .1167}, kTolerance);
  expect_floor(report, {"transitions", Seen::removed, .1714, .2525, .1187, .1448}, kTolerance);
  expect_floor(report, {"item-knn", Seen::kept, .0765, .1230, .0507, .0656}, kTolerance);
  expect_floor(report, {"item-knn", Seen::removed, .1159, .1714, .0777, .0957}, kTolerance);
}

}  // namespace
}  // namespace penchant::evaluate
