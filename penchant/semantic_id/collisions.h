#pragma once
/// \file Collision policy: items that share a semantic ID get different last codes. Layer 3.
#include <cstdint>

#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"
#include "penchant/semantic_id/codebooks.h"

namespace penchant::semantic_id {

struct CollisionOptions {
  /// Work of the exact solution of one prefix (colliding items * items * K) above which the greedy
  /// one takes its place; 2^26 is about 0.1 s.
  std::uint64_t exact_work = std::uint64_t{1} << 26;
};

struct CollisionOutcome {
  Matrix<Code> codes;                 ///< [n, L] after the policy; the first L - 1 codes are as before
  std::size_t moved = 0;              ///< items whose last code changed
  std::size_t shared_before = 0;      ///< items that shared their ID with another one
  std::size_t shared = 0;             ///< items that still do: their prefix has more than K items
  std::size_t overfull_prefixes = 0;  ///< prefixes of L - 1 codes with more than K items
  std::size_t greedy_prefixes = 0;    ///< prefixes solved greedily because of exact_work
  double cost = 0;                    ///< rise of the summed squared error over all items
};

/// Keeps the first L - 1 codes of every item and reassigns the last one within each prefix so that
/// the items of a prefix differ at the least summed squared error (minimum-cost assignment; exact
/// up to `exact_work`, then greedy by cost difference). A prefix without a collision is not touched.
/// A prefix with m > K items cannot be made unique: all K codes are used, each by floor(m / K) or
/// ceil(m / K) items, filled in rounds (first the K items that fit best, and so on), and the sharing
/// items are counted. Even loads rather than one crowded ID: a generator cannot tell apart the items
/// of an ID, so the crowd is what costs rank (an item that had its ID alone may come to share it).
/// K is the size of the last level. Deterministic, on any number of threads.
/// \param vectors [n, x] content vectors; codes [n, L] from Codebooks::assign or training
/// \return invalid_argument on lengths or codes that do not fit
Result<CollisionOutcome> resolve_collisions(const Codebooks& codebooks, MatrixView<const float> vectors,
                                            MatrixView<const Code> codes, Executor& executor,
                                            const CollisionOptions& options = {});

}  // namespace penchant::semantic_id
