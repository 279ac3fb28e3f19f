#include "penchant/evaluate/following_pairs.h"

namespace penchant::evaluate {

FollowingPairs following_pairs(const Split& split) {
  FollowingPairs out;
  std::vector<std::uint32_t> items;
  for (const auto& user : split.training().users) {
    items.clear();
    for (const auto& event : user) items.push_back(event.item);
    semantic_id::add_pairs(items, out.training);
  }
  for (const auto& asked : split.cases(Stage::validation)) {
    const std::uint32_t pair[] = {split.history(asked).back().item, asked.target};
    semantic_id::add_pairs(pair, out.asked);
  }
  return out;
}

}  // namespace penchant::evaluate
