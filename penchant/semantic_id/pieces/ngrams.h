#pragma once
/// \file N-grams of a code path as rows of a table. Layer 3.
#include <string_view>

#include "penchant/semantic_id/pieces/item_pieces.h"

namespace penchant::semantic_id {

/// Pieces of an ID (c_1, …, c_L).
enum class NgramKind : std::uint8_t {
  unigram,  ///< every code at its level: L pieces (Singh et al. 2024)
  bigram,   ///< every two codes in a row, at their level: L - 1 pieces, one where L = 1 (the same)
  prefix,   ///< (c_1), (c_1, c_2), … the whole path: L pieces (Zheng et al. 2025, arXiv:2504.02137)
};
/// "unigram", "bigram", "prefix".
[[nodiscard]] std::string_view name_of(NgramKind kind) noexcept;

/// Places in a path, coarse ones first, get a row for every value while half of the table is enough
/// for them (all of it where it holds every value of every place); values of the other places are
/// hashed into the rest.
/// \param codebooks [L] codes of every level, at least one each
/// \return invalid_argument when there are no levels or `rows` is below the number of places
Result<std::unique_ptr<PieceRule>> ngrams(NgramKind kind, std::span<const std::uint32_t> codebooks,
                                          std::uint32_t rows, std::uint64_t seed);

}  // namespace penchant::semantic_id
