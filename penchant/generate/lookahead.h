#pragma once
/// \file What the dense head says of the items below a prefix, without asking each of them. Layer 4.
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/artifact/manifest.h"
#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"
#include "penchant/semantic_id/trie.h"

namespace penchant::generate {

/// The items as the dense head multiplies them: logit i = <query, row i> + bias i. Views: whoever made them keeps
/// them alive.
struct DenseItems {
  MatrixView<const float> vectors;          ///< [n, d]; unit rows where the head is normalised
  std::span<const float> bias;              ///< [n]
  std::span<const std::uint8_t> untrained;  ///< [n], 1: training saw no event of the item
};

/// The user as the dense head multiplies it. \param hidden [d] \return [d]
[[nodiscard]] std::vector<float> dense_query(const artifact::ModelShape& shape, std::span<const float> hidden);

/// log sum exp(logit) over the items below every prefix: exact where a prefix holds few of them, else from at most
/// kGroups groups of alike ones: a group of mean m, biases b and mean squared distance s to m counts as
/// log sum exp(b) + <q, m> + kSpread / 2 * s / d * |q|^2, the first two cumulants of <q, v> if the members lay alike in
/// d / kSpread directions. A function of the trie and the trained items alone,
/// so an item added later changes the score of no prefix but those that hold few items. Immutable; threads: const calls
/// are safe together. Bytes: kGroups * (d + 2) * 4 for each prefix of more than kGroups items.
class Lookahead {
 public:
  static constexpr std::size_t kGroups = 32;
  static constexpr float kSpread = 4;

  Lookahead() = default;
  /// \param items rows by ItemId of `trie`
  /// \param earlier of the same trained items, under a trie that holds every prefix alike but for items added since; what
  /// it has is not made again. Null: none
  static Result<Lookahead> build(const semantic_id::ItemTrie& trie, const DenseItems& items, Executor& executor,
                                 const semantic_id::ItemTrie* earlier_trie = nullptr, const Lookahead* earlier = nullptr);

  /// \param query dense_query() \param out [children of `node`], log sum exp of each; the trie and items it was built of
  /// \param logits [n] of the dense head, where the caller has them; empty: made as needed
  void children(const semantic_id::ItemTrie& trie, semantic_id::ItemTrie::Node node, const DenseItems& items,
                std::span<const float> query, std::span<float> out, std::span<const float> logits = {}) const;

 private:
  struct Groups {
    std::vector<float> means;    ///< [groups, d]
    std::vector<float> weights;  ///< [groups], log sum exp of the members' biases
    std::vector<float> spreads;  ///< [groups], kSpread / 2 * s / d
    /// Groups [first, last) of another come behind these.
    void append(const Groups& other, std::size_t first, std::size_t last, std::size_t d);
  };
  static Result<Groups> groups_of(std::span<const catalog::ItemId> below, const DenseItems& items, Executor& executor);

  std::vector<std::uint32_t> offsets_;  ///< [nodes + 1], groups of a node; none: its items are asked
  Groups groups_;
};

}  // namespace penchant::generate
