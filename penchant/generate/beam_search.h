#pragma once
/// \file Beam search that can only reach items that exist and are allowed; and the exact scores it
/// approximates. Layer 4.
///
///     const Bitmap nodes = trie.mask(allowed);           // once per filter
///     auto found = beam_search(generator, state.hidden, {.beam = 32, .allowed = &allowed, .nodes = &nodes});
#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "penchant/base/bitmap.h"
#include "penchant/base/result.h"
#include "penchant/generate/generator.h"
#include "penchant/semantic_id/trie.h"

namespace penchant::generate {

inline constexpr std::size_t kMaxBeam = 65536;  ///< its log-probabilities take 256 MiB at K = 1024

struct BeamOptions {
  std::size_t beam = 32;  ///< prefixes kept per level, 1..kMaxBeam
  std::size_t items =
      0;  ///< at most this many items, <= kMaxBeam; 0: every allowed item of the `beam` best IDs
  /// Items that may come out, by ItemId; null: all. An item past its end is not allowed. Lives
  /// through the call.
  const Bitmap* allowed = nullptr;
  /// trie.mask(*allowed), when the caller keeps it: spares the search its own look at the items
  /// below a prefix (worth it where a filter leaves few items and is used often; costs one pass over
  /// the trie to make). Null: looked up as needed.
  const Bitmap* nodes = nullptr;
  std::function<bool()> expired;  ///< asked before every level; true: deadline_exceeded. May be empty.
};

struct BeamItem {
  catalog::ItemId item{};
  float log_prob = 0;  ///< sum over levels of log p(code | user, codes before)
};

/// The allowed items of the best semantic IDs: score descending, then ItemId ascending. Items that
/// share an ID share its score. A prefix without an allowed item below never enters the beam, so a
/// strict filter costs no width; equal scores are kept in trie order. With beam >= the number of
/// prefixes of the widest level the result is exhaustive. Nothing allowed, or an empty trie: an
/// empty list. Memory: beam * (K + depth layers * levels * d * 2) floats.
/// \return invalid_argument for a beam out of range, or a trie or mask of another size; deadline_exceeded
Result<std::vector<BeamItem>> beam_search(CodeScorer& scorer, const semantic_id::ItemTrie& trie,
                                          const BeamOptions& options);
/// \param hidden [d], the user state; invalid_argument on another length
Result<std::vector<BeamItem>> beam_search(const Generator& generator, std::span<const float> hidden,
                                          const BeamOptions& options);

/// Path log-probability of every item, [items], by ItemId; -inf for ids the trie does not hold.
/// Every prefix is scored once, in batches, so memory stays flat at any catalogue size.
/// \return invalid_argument when the trie holds an id >= items or does not fit; deadline_exceeded
Result<std::vector<float>> exhaustive_scores(CodeScorer& scorer, const semantic_id::ItemTrie& trie,
                                             std::size_t items, const std::function<bool()>& expired = {});
Result<std::vector<float>> exhaustive_scores(const Generator& generator, std::span<const float> hidden,
                                             std::size_t items, const std::function<bool()>& expired = {});

}  // namespace penchant::generate
