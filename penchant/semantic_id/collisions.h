#pragma once
/// \file Collision policies: what becomes of items that share a semantic ID. Layer 3.
#include <cstdint>
#include <span>
#include <string_view>

#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"
#include "penchant/semantic_id/codebooks.h"

namespace penchant::semantic_id {

enum class CollisionPolicy : std::uint8_t {
  /// Keeps the first L - 1 codes of every item and reassigns the last one within each prefix so that
  /// the items of a prefix differ at the least summed squared error (minimum-cost assignment; exact
  /// up to `exact_work`, then greedy by cost difference). A prefix without a collision is not touched.
  reassign,
  /// Keeps all codes and adds a level that only counts within a shared ID: 0, 1, 2, … by descending
  /// popularity (the collision token of TIGER, arXiv:2305.05065). Its codewords are zero, so it says
  /// nothing of content and a new item gets 0: it starts as the most popular item of its ID.
  extra,
  /// The most popular item of an ID keeps it; the others move, by descending popularity, to the
  /// nearest last code of their prefix that is free.
  popular,
};
/// "reassign", "extra", "popular", in the order of the values.
[[nodiscard]] std::span<const std::string_view> collision_policy_names() noexcept;
[[nodiscard]] std::string_view name_of(CollisionPolicy policy) noexcept;
/// \return invalid_argument listing the names when `name` is none of them
Result<CollisionPolicy> parse_collision_policy(std::string_view name);

struct CollisionOptions {
  CollisionPolicy policy = CollisionPolicy::reassign;
  /// [n] training events of each item, for `extra` and `popular`; empty: all alike, then the item of
  /// the lower row comes first. Lives through the call.
  std::span<const std::int32_t> popularity;
  /// Work of the exact solution of one prefix (colliding items * items * K) above which the greedy
  /// one takes its place; 2^26 is about 0.1 s.
  std::uint64_t exact_work = std::uint64_t{1} << 26;
  /// [n] 1: an ID that lives and stays as it is (lives through the call); empty: none does. Where some do, every policy
  /// does the same with the other items of a taken ID: by descending popularity each moves to the nearest last code of
  /// its prefix among those that the fewest items have. Codes then hold the counting level of `extra` already.
  std::span<const std::uint8_t> kept;
};

struct CollisionOutcome {
  Matrix<Code> codes;                 ///< [n, L] after the policy; [n, L + 1] with `extra`
  std::uint32_t counting_codes = 0;   ///< `extra`: codes of the added level; 0: none was added
  std::size_t moved = 0;              ///< items whose last code changed, or that count from 1 on
  std::size_t shared_before = 0;      ///< items that shared their ID with another one
  std::size_t shared = 0;             ///< items that still do
  std::size_t overfull_prefixes = 0;  ///< prefixes (IDs with `extra`) with more items than last codes
  std::size_t greedy_prefixes = 0;    ///< prefixes solved greedily because of exact_work
  double cost = 0;                    ///< rise of the summed squared error over all items
};

/// A prefix with m > K items cannot be made unique by `reassign` and `popular`: all K codes are used,
/// each by floor(m / K) or ceil(m / K) items, filled in rounds (first the K items that fit best, and
/// so on), and the sharing items are counted. Even loads rather than one crowded ID: a generator
/// cannot tell apart the items of an ID, so the crowd is what costs rank (an item that had its ID
/// alone may come to share it). K is the size of the last level. `extra` counts up to the size of
/// the largest level and then starts anew, so that the generator does not grow with one crowd.
/// Deterministic, on any number of threads.
/// \param vectors [n, x] content vectors; codes [n, L] from Codebooks::assign or training
/// \return invalid_argument on lengths or codes that do not fit, numbers that are not finite, or with `extra` on 16 levels
Result<CollisionOutcome> resolve_collisions(const Codebooks& codebooks, MatrixView<const float> vectors,
                                            MatrixView<const Code> codes, Executor& executor,
                                            const CollisionOptions& options = {});

/// The codebooks of the codes after the policy: with the counting level where one was added.
[[nodiscard]] Codebooks resolved_codebooks(const Codebooks& codebooks, const CollisionOutcome& outcome);

}  // namespace penchant::semantic_id
