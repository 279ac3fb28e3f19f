#pragma once
/// \file Prefix trie over the semantic IDs of one catalogue snapshot. Layer 3; LibTorch-free.
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "penchant/base/bitmap.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"
#include "penchant/catalog/ids.h"

namespace penchant::semantic_id {

using catalog::Code;
using catalog::ItemId;

/// Immutable set of every valid semantic ID, laid out breadth-first as CSR arrays: a beam search
/// that expands only children() cannot emit an item that does not exist (constrained decoding: De
/// Cao et al., ICLR 2021; semantic IDs: Rajput et al., NeurIPS 2023, arXiv:2305.05065).
/// Threads: const calls never lock or allocate.
class ItemTrie {
 public:
  enum class Node : std::uint32_t { root = 0 };
  struct Edges {
    std::span<const Code> codes;  ///< [branching], strictly ascending; lives as long as the trie
    std::uint32_t first = 0;      ///< codes[i] leads to Node{first + i}
  };
  ItemTrie() = default;
  /// \param sids [n, depth] row-major, every code in [0, codebook_size), rows in any order
  /// \param items [n], items[r] owns row r; items may share a row (a collision)
  /// \return invalid_argument, naming the row, on a length mismatch, a code out of range or an item
  /// that owns two rows; n = 0 gives an empty trie. O(n * depth + depth * codebook_size).
  static Result<ItemTrie> build(MatrixView<const Code> sids, std::span<const ItemId> items,
                                std::uint32_t codebook_size);
  [[nodiscard]] Edges children(Node node) const noexcept;  ///< empty at a leaf
  [[nodiscard]] std::optional<Node> child(Node node, Code code) const noexcept;
  [[nodiscard]] std::span<const ItemId> items_at(Node leaf) const noexcept;  ///< ascending
  /// Items of every leaf below `node` (its own at a leaf), grouped by leaf in ascending code order.
  /// O(depth).
  [[nodiscard]] std::span<const ItemId> items_below(Node node) const noexcept;
  /// Whether some item below `node` is in `allowed` (indexed by ItemId). Stops at the first: cheap
  /// for loose filters; for strict ones compute mask() once.
  [[nodiscard]] bool any_below(Node node, const Bitmap& allowed) const noexcept;
  /// Code on the edge into `node`; 0 at the root.
  [[nodiscard]] Code code(Node node) const noexcept;
  /// Node reached from the root by `prefix`; nullopt if no item goes there. Empty prefix: the root
  /// (nullopt in an empty trie).
  [[nodiscard]] std::optional<Node> find(std::span<const Code> prefix) const noexcept;
  [[nodiscard]] bool is_leaf(Node node) const noexcept {
    return static_cast<std::uint32_t>(node) >= first_leaf_;
  }
  [[nodiscard]] std::size_t depth() const noexcept { return depth_; }
  [[nodiscard]] std::size_t nodes() const noexcept { return codes_.size(); }
  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
  /// One bit per node: set where at least one item below is in `allowed` (indexed by ItemId).
  [[nodiscard]] Bitmap mask(const Bitmap& allowed) const;

 private:
  std::vector<Code> codes_;  ///< [nodes], code on the edge into the node
  /// [nodes + 1], first child, or first item for a leaf; the last inner node's children end at nodes()
  std::vector<std::uint32_t> offsets_;
  std::vector<ItemId> items_;  ///< [n], grouped by leaf
  std::uint32_t first_leaf_ = 0;
  std::size_t depth_ = 0;
};

}  // namespace penchant::semantic_id
