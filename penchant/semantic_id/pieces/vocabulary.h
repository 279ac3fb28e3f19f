#pragma once
/// \file A vocabulary of runs of codes: an ID is cut into the pieces of the likeliest cut. Layer 3.
/// Unigram language model of SentencePiece (Kudo 2018, arXiv:1804.10959; Kudo, Richardson 2018) over
/// code strings, as Singh et al. 2024 rank with. Training: train_vocabulary.h. Bytes:
/// docs/formats/code_vocabulary.md.
#include <string>
#include <unordered_map>

#include "penchant/semantic_id/pieces/item_pieces.h"

namespace penchant::semantic_id {

/// Codes of levels start, start + 1, …
struct CodePiece {
  std::uint32_t start = 0;
  std::vector<Code> codes;  ///< 1 to L - start of them
  float score = 0;          ///< natural logarithm of its probability
};

/// Pieces and their order, which is that of the rows of a table. Immutable; threads: const calls are
/// safe together.
class Vocabulary {
 public:
  static constexpr std::uint32_t kMaxPieces = 1U << 24, kMaxSymbols = 1U << 17;

  /// \param codebooks [L], 1 <= L <= 16, 1 to 65536 codes each, at most kMaxSymbols in all
  /// \param pieces every code of every level must be a piece of its own, so that every ID can be cut
  /// \return invalid_argument naming the level or the piece: out of range, twice, a score that is not
  /// finite, a code that is no piece
  static Result<Vocabulary> create(std::vector<std::uint32_t> codebooks, std::vector<CodePiece> pieces);

  [[nodiscard]] const std::vector<std::uint32_t>& codebooks() const noexcept { return codebooks_; }
  [[nodiscard]] std::size_t levels() const noexcept { return codebooks_.size(); }
  /// Row r of a table is pieces()[r].
  [[nodiscard]] const std::vector<CodePiece>& pieces() const noexcept { return pieces_; }

  /// Appends the pieces of the cut with the largest sum of scores, in order of the levels; of equal
  /// cuts the one whose last pieces are longer. O(L^2). \param codes [L], each below its codebook
  void cut(std::span<const Code> codes, std::vector<std::uint32_t>& pieces) const;
  /// A cut drawn with a chance in proportion to exp(smoothing * sum of scores): every cut alike at 0.
  void draw_cut(std::span<const Code> codes, double smoothing, Rng& rng, std::vector<std::uint32_t>& pieces) const;

 private:
  Vocabulary() = default;
  [[nodiscard]] std::u32string symbols(std::uint32_t start, std::span<const Code> codes) const;
  struct Hash : std::hash<std::u32string_view> {
    using is_transparent = void;
  };
  std::vector<std::uint32_t> codebooks_, first_symbol_;  ///< [L]
  std::vector<CodePiece> pieces_;
  std::unordered_map<std::u32string, std::uint32_t, Hash, std::equal_to<>> rows_;  ///< symbols -> piece
};

/// Bytes on disk. \return io, resource_exhausted
Status save_vocabulary(const std::string& path, const Vocabulary& vocabulary);
/// \return not_found, io, or corrupt naming the tensor or piece that is wrong
Result<Vocabulary> load_vocabulary(const std::string& path);

/// Pieces of a vocabulary as rows of a table that may have more rows than that.
/// \return invalid_argument when the table has fewer rows than the vocabulary has pieces
Result<std::unique_ptr<PieceRule>> vocabulary_pieces(Vocabulary vocabulary, std::uint32_t rows);

}  // namespace penchant::semantic_id
