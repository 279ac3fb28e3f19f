#include "penchant/evaluate/following_pairs.h"

#include <gtest/gtest.h>

namespace penchant::evaluate {
namespace {

TEST(FollowingPairs, LearnFromTrainingAndAskForTheValidationTargetAlone) {
  EventLog log;
  log.user_ids = {"a", "b", "c"};
  log.item_ids = {"0", "1", "2", "3", "4", "5"};
  log.types = {"view"};
  const std::vector<std::vector<std::uint32_t>> histories{{0, 1, 2, 3, 4}, {5, 5, 1, 1, 2}, {3, 0}};
  std::int64_t time = 1'600'000'000'000;
  for (const auto& history : histories) {
    for (const auto item : history) log.events.push_back({.item = item, .time_ms = time += 1000});
    log.offsets.push_back(log.events.size());
  }
  const auto pairs = following_pairs(Split::make(log, {}).value());
  const auto as_text = [](const std::vector<semantic_id::ItemPair>& all) {
    std::string text;
    for (const auto& p : all) text += std::to_string(p.first) + ">" + std::to_string(p.second) + " ";
    return text;
  };
  EXPECT_EQ(as_text(pairs.training), "0>1 1>2 5>1 3>0 ");
  EXPECT_EQ(as_text(pairs.asked), "2>3 ") << "of b the validation item is the one before it again";
}

}  // namespace
}  // namespace penchant::evaluate
