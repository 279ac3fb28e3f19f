#pragma once
/// \file Ways to say what an item is to a click model, all of the same number of table bytes. Layer 6.
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/evaluate/clicks/periods.h"
#include "penchant/learn/click/item_table.h"
#include "penchant/semantic_id/pieces/ngrams.h"
#include "penchant/semantic_id/pieces/train_vocabulary.h"
#include "penchant/semantic_id/quantiser_options.h"

namespace penchant::evaluate {

/// "hash", "unigram", "bigram", "prefix", "sentencepiece", "content", "content+hash"; those of codes also
/// with "-shuffled" behind them: every item has the codes of another one, drawn once, which must take
/// away what content gave.
struct ItemVariant {
  enum class Kind : std::uint8_t { hash, ngrams, sentencepiece, content };
  std::string name;
  Kind kind = Kind::hash;
  semantic_id::NgramKind ngrams = semantic_id::NgramKind::prefix;
  bool with_hash = false;  ///< content: rows of hashed ids from the bytes that the projection leaves
  bool shuffled = false;
  [[nodiscard]] bool reads_codes() const noexcept { return kind == Kind::ngrams || kind == Kind::sentencepiece; }
};
/// \return invalid_argument listing the names
Result<ItemVariant> parse_item_variant(std::string_view name);

struct VariantOptions {
  std::size_t table_bytes = 131'072;  ///< of every variant: 4 bytes a number of rows and projection
  std::size_t dim = 8;
  std::string quantiser{"residual-kmeans"};
  /// Pairs are not used. Where no sizes are given, a level has half the codes of choose_codebook(known
  /// items): more and smaller levels than for generating, as nothing is decoded and each level adds a piece.
  semantic_id::QuantiserOptions quantise{.levels = 6};
  /// Pieces 0: two for three known items, at most as many as the table has rows: with more, every known
  /// item has a piece of its own and a new one shares nothing with it.
  semantic_id::VocabularyOptions vocabulary{.pieces = 0};
};

/// What every variant reads, fitted on training outcomes and the content of their items alone. An item
/// that comes later gets the nearest codewords.
struct FittedItems {
  std::vector<std::uint64_t> keys;         ///< [items] semantic_id::key_of
  std::vector<std::uint64_t> impressions;  ///< [items] training outcomes
  std::vector<std::uint32_t> codebooks;    ///< [L]
  Matrix<catalog::Code> codes;             ///< [items, L], nearest codewords
  Matrix<catalog::Code> shuffled;          ///< [items, L], rows of `codes` in another order
  Matrix<float> content;                   ///< [items, x], moved to mean 0 and mean squared length 1
};
/// \param content [items, x]; training outcomes of these items; ids [items]
Result<FittedItems> fit_items(std::span<const Outcome> training, MatrixView<const float> content,
                              std::span<const std::string> ids, const VariantOptions& options, Executor& executor);

/// One variant as a click model reads it.
struct VariantItems {
  std::optional<semantic_id::ItemPieces> pieces;
  MatrixView<const float> content;  ///< of FittedItems, which has to live as long; may be empty
  [[nodiscard]] learn::ItemInputs inputs() const { return {pieces ? &*pieces : nullptr, content}; }
  std::size_t used_rows = 0;  ///< rows of the table that a piece of some item lies in
};
/// \param seed of the hashes
/// \return invalid_argument naming the bytes that the variant takes at least
Result<VariantItems> make_variant(const ItemVariant& variant, const FittedItems& fitted, const VariantOptions& options,
                                  std::uint64_t seed);

}  // namespace penchant::evaluate
