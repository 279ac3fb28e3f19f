#pragma once
/// \file Which rows of an embedding table stand for an item: the vector of an item is their sum. Layer 3.
/// Singh et al., RecSys 2024, arXiv:2306.08121.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"
#include "penchant/base/rng.h"
#include "penchant/catalog/ids.h"

namespace penchant::semantic_id {

using catalog::Code;

/// From an item to rows of a table. Immutable; threads: const calls are safe together.
class PieceRule {
 public:
  virtual ~PieceRule() = default;
  /// Rows of the table: every row that list() gives is below it.
  [[nodiscard]] virtual std::uint32_t table_rows() const noexcept = 0;
  /// Appends the rows of one item, at least one.
  /// \param key what hashing tells items apart by, see key_of(); codes [L]
  virtual void list(std::uint64_t key, std::span<const Code> codes, std::vector<std::uint32_t>& rows) const = 0;
  /// The same for a step of training that is to see the item as if it were less well known, so that the
  /// rows that a new item will stand on learn too: a prefix of its path, or another cut (subword
  /// regularisation, Kudo 2018). Where a rule knows no other way, list().
  virtual void list_varied(std::uint64_t key, std::span<const Code> codes, Rng& rng, std::vector<std::uint32_t>& rows) const;
};

/// 64 bits of an external item id, the same in every catalogue (FNV-1a).
[[nodiscard]] std::uint64_t key_of(std::string_view id) noexcept;

/// One row per item, by a hash of its key alone: what semantic IDs are compared with.
/// \return invalid_argument when `rows` is 0
Result<std::unique_ptr<PieceRule>> hashed_ids(std::uint32_t rows, std::uint64_t seed);

/// Lists of rows. A plain value; threads: const access is safe.
struct RowLists {
  std::vector<std::size_t> offsets{0};  ///< [lists + 1] into `rows`
  std::vector<std::uint32_t> rows;

  /// Lives as long as this is not changed.
  [[nodiscard]] std::span<const std::uint32_t> of(std::size_t list) const {
    return std::span(rows).subspan(offsets[list], offsets[list + 1] - offsets[list]);
  }
};

/// The rows of many items. A plain value; threads: const access is safe.
struct ItemPieces {
  /// Lists per item in `varied`.
  static constexpr std::size_t kVariations = 8;
  std::uint32_t table_rows = 0;
  RowLists whole;   ///< [items] what list() gives
  RowLists varied;  ///< [items * kVariations] draws of list_varied()

  [[nodiscard]] std::size_t items() const noexcept { return whole.offsets.size() - 1; }
  [[nodiscard]] std::span<const std::uint32_t> of(std::size_t item) const { return whole.of(item); }
  /// \param variation below kVariations
  [[nodiscard]] std::span<const std::uint32_t> varied_of(std::size_t item, std::size_t variation) const {
    return varied.of(item * kVariations + variation);
  }
};
/// \param keys [n]; codes [n, L]; seed of the variations
[[nodiscard]] ItemPieces list_pieces(const PieceRule& rule, std::span<const std::uint64_t> keys,
                                     MatrixView<const Code> codes, std::uint64_t seed);

}  // namespace penchant::semantic_id
