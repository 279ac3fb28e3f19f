#pragma once
/// \file From content vectors to semantic IDs: quantiser, sizes, collision policy. Layer 3.
#include <string>
#include <string_view>

#include "penchant/semantic_id/collisions.h"
#include "penchant/semantic_id/quantiser_options.h"

namespace penchant::semantic_id {

/// Items that may share an ID after the policy before larger codebooks are tried.
inline constexpr double kMaxSharedItems = 0.02;

struct FittedIds {
  QuantiserFit fit;           ///< before the policy
  CollisionOutcome resolved;
  std::string sizes;          ///< why the codebooks are as large as they are, in one sentence
};

/// Fits and resolves. Sizes that the options do not give begin with choose_codebook(n) and are
/// doubled (twice at most, up to 1024) while more than kMaxSharedItems of the items share their ID
/// after the policy; a doubling that neither meets that nor halves the share is taken back, because
/// then it is equal items that share and not a lack of codes. Smaller ones are not tried: their
/// prefixes are less alike (docs/measurements.md). Every size is trained from the start, networks too.
/// Deterministic.
/// \return what fit_quantiser and resolve_collisions say
Result<FittedIds> fit_ids(std::string_view quantiser, MatrixView<const float> vectors,
                          const QuantiserOptions& options, const CollisionOptions& collisions,
                          Executor& executor);

}  // namespace penchant::semantic_id
