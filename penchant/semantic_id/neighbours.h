#pragma once
/// \file Items whose semantic IDs begin alike. Layer 3.
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "penchant/base/bitmap.h"
#include "penchant/base/matrix_view.h"
#include "penchant/semantic_id/trie.h"

namespace penchant::semantic_id {

struct PrefixNeighbour {
  ItemId item{};
  std::size_t shared_prefix = 0;  ///< leading codes in common, 1..L
  float similarity = 0;           ///< cosine of the content vectors; 0 where one is missing
};

struct NeighbourQuery {
  std::span<const Code> id;         ///< [L] semantic ID of the item in question
  std::optional<ItemId> self;       ///< left out of the answer
  std::span<const float> vector;    ///< [x] its content vector; empty: no similarities
  MatrixView<const float> vectors;  ///< [n, x] content of the items, row = ItemId; may be empty
  const Bitmap* allowed = nullptr;  ///< by ItemId; null: all
  std::size_t limit = 20;
  std::size_t min_shared = 1;  ///< 0 fills up with items that share nothing
};

/// Longest common prefix first, then similarity, then ItemId. Reads only the items below the
/// prefixes it needs. Threads: as its arguments, which it does not keep.
[[nodiscard]] std::vector<PrefixNeighbour> neighbours_by_prefix(const ItemTrie& trie,
                                                                const NeighbourQuery& query);

}  // namespace penchant::semantic_id
