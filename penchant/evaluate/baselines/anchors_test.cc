// Known figures of closed-form models on real data.
#include <gtest/gtest.h>

#include <cmath>

#include "penchant/evaluate/baselines/baseline_testing.h"
#include "penchant/evaluate/baselines/registry.h"

namespace penchant::evaluate {
namespace {

struct Quality {
  double recall10 = 0, ndcg10 = 0;
};

/// Each user's last event, after a model that was fitted on all the others.
std::array<Quality, 2> last_event(Model& model, const EventLog& log) {
  TrainingData training;
  training.items = log.items();
  training.world_times = false;
  for (std::size_t u = 0; u < log.users(); ++u)
    training.users.push_back(log.of(u).first(log.of(u).size() - 1));
  Executor executor(2);
  model
      .fit({.training = training, .validation = {}, .content = {}, .removes_seen = true, .seed = 1}, executor,
           {})
      .value();
  std::array<Quality, 2> quality;
  Matrix<float> out(64, log.items());
  for (std::size_t first = 0; first < log.users(); first += 64) {
    std::vector<Query> queries;
    for (std::size_t u = first; u < std::min(first + 64, log.users()); ++u)
      queries.push_back({training.users[u], static_cast<std::uint32_t>(u), 0, u});
    model.score(queries, out.view().rows_from(0, queries.size())).value();
    for (std::size_t q = 0; q < queries.size(); ++q) {
      const auto row = out.row(q);
      const auto target = log.of(first + q).back().item;
      for (const bool removed : {false, true}) {
        if (removed)
          for (const auto& event : queries[q].history)
            if (event.item != target) row[event.item] = -INFINITY;
        const auto rank = std::ranges::count_if(row, [&](float s) { return s >= row[target]; });
        if (rank > 10 || row[target] == -INFINITY) continue;
        quality[removed ? 1 : 0].recall10 += 1.0 / static_cast<double>(log.users());
        quality[removed ? 1 : 0].ndcg10 +=
            1 / std::log2(1.0 + static_cast<double>(rank)) / static_cast<double>(log.users());
      }
    }
  }
  return quality;
}

TEST(Anchors, EaseOnBeautyAgreesWithAnIndependentImplementation) {
  const auto folder = data_folder();
  if (!folder) GTEST_SKIP() << "amazon-beauty is not here: set PENCHANT_TEST_DATA";
  const EventLog log = read_sequences(*folder / "amazon-beauty");
  auto model = make_baseline("ease", std::vector<std::string>{"lambda=250", "decay=1"}).value();
  const auto [kept, removed] = last_event(*model, log);
  // NumPy in float32, fitted on training and validation events.
  EXPECT_NEAR(kept.recall10, 0.0555, 0.0003);
  EXPECT_NEAR(kept.ndcg10, 0.0282, 0.0003);
  EXPECT_NEAR(removed.recall10, 0.0754, 0.0003);
  EXPECT_NEAR(removed.ndcg10, 0.0413, 0.0003);
}

TEST(Anchors, IalsOnBeautyIsLevelWithAnotherImplementation) {
  const auto folder = data_folder();
  if (!folder) GTEST_SKIP() << "amazon-beauty is not here: set PENCHANT_TEST_DATA";
  const EventLog log = read_sequences(*folder / "amazon-beauty");
  auto model = make_baseline("ials", std::vector<std::string>{"dim=128", "decay=1"}).value();
  const auto [kept, removed] = last_event(*model, log);
  // Another program's ALS of the same size has 0.0669, 0.0345; the standard error of recall is 0.0017.
  EXPECT_GT(removed.recall10, 0.0669 - 0.0017);
  EXPECT_GT(removed.ndcg10, 0.0345);
}

}  // namespace
}  // namespace penchant::evaluate
