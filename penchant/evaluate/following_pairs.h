#pragma once
/// \file Items that people took one after the other, for quantisers that learn from behaviour. Layer 6.
#include <vector>

#include "penchant/evaluate/split/split.h"
#include "penchant/semantic_id/quantiser_options.h"

namespace penchant::evaluate {

/// Pairs of catalogue rows.
struct FollowingPairs {
  std::vector<semantic_id::ItemPair> training;  ///< neighbours in training sequences, repeats and all
  /// The last item of a history and its validation target; an item after itself is left out. Nothing
  /// of it is in `training` but by people doing the same elsewhere.
  std::vector<semantic_id::ItemPair> asked;
};
[[nodiscard]] FollowingPairs following_pairs(const Split& split);

}  // namespace penchant::evaluate
