#pragma once
/// \file Last codes of one prefix so that its items differ at the least error. Layer 3, internal.
#include <cstdint>
#include <span>

#include "penchant/base/matrix_view.h"
#include "penchant/semantic_id/codebooks.h"

namespace penchant::semantic_id {

struct PrefixOutcome {
  bool greedy = false;  ///< a piece was above exact_work
  double cost = 0;      ///< rise of the summed squared error
};

/// Gives the items of one prefix (rows of the catalogue) last codes by minimum-cost assignment: see
/// CollisionPolicy::reassign.
/// \param encoded [n, d], as Codebooks::encode makes them
PrefixOutcome reassign_prefix(const Codebooks& codebooks, MatrixView<const float> encoded,
                              std::span<const std::uint32_t> items, std::uint64_t exact_work,
                              Matrix<Code>& codes);

}  // namespace penchant::semantic_id
