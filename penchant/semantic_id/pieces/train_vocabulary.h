#pragma once
/// \file Learns a vocabulary of codes from IDs and how often they were shown. Layer 3.
#include "penchant/semantic_id/pieces/vocabulary.h"

namespace penchant::semantic_id {

struct VocabularyOptions {
  std::uint32_t pieces = 4096;  ///< V, at least the number of codes; fewer where no more runs are found
  std::uint32_t longest = 0;    ///< codes of a piece, at most; 0: as many as there are levels
};

/// Learns pieces with the trainer of the SentencePiece library: EM over the runs of codes, then the
/// runs go whose loss costs the likelihood least. Every (level, code) is one symbol; an ID counts as
/// often as its items were shown. Every code is a piece, shown or not. The library only takes runs that
/// are followed by different symbols, which a run at the end of an ID is not: so each ID is given
/// twice, with two end marks, and the marks go with what they are in. One thread; the same IDs give the
/// same vocabulary.
/// \param codes [n, L]; impressions [n], at least 0; items that share an ID are added up
/// \return invalid_argument naming option or row; internal with the library's words where it fails
Result<Vocabulary> train_vocabulary(MatrixView<const Code> codes, std::span<const std::uint64_t> impressions,
                                    std::span<const std::uint32_t> codebooks, const VocabularyOptions& options);

}  // namespace penchant::semantic_id
