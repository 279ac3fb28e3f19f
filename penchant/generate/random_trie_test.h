#pragma once
/// \file Random catalogues for the tests of the search.
#include <map>
#include <vector>

#include "penchant/base/rng.h"
#include "penchant/semantic_id/trie.h"

namespace penchant::generate {

/// n items with random codes (collisions included) under shuffled ids in [0, 2 n).
struct RandomCatalogue {
  std::size_t depth;
  std::uint32_t codebook;
  std::vector<std::uint16_t> codes;    // [n, depth]
  std::vector<catalog::ItemId> items;  // [n]
  semantic_id::ItemTrie trie;

  RandomCatalogue(std::uint64_t seed, std::size_t n, std::size_t levels, std::uint32_t k)
      : depth(levels), codebook(k) {
    Rng rng(seed);
    std::vector<std::uint32_t> ids(2 * n);
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::uint32_t>(i);
    rng.shuffle(std::span(ids));
    for (std::size_t r = 0; r < n; ++r) {
      items.push_back(catalog::ItemId{ids[r]});
      for (std::size_t l = 0; l < depth; ++l) {  // skewed: low codes are frequent
        const double u = rng.uniform();
        codes.push_back(static_cast<std::uint16_t>(u * u * k));
      }
    }
    trie = semantic_id::ItemTrie::build({codes.data(), n, depth}, items, k).value();
  }
  [[nodiscard]] std::span<const std::uint16_t> path(std::size_t r) const {
    return {codes.data() + r * depth, depth};
  }
  [[nodiscard]] std::size_t id_count() const { return 2 * items.size(); }
};

}  // namespace penchant::generate
