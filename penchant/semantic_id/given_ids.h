#pragma once
/// \file Semantic IDs that were made elsewhere: whose they are here, and codebooks for them. Layer 3.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"
#include "penchant/semantic_id/codebooks.h"
#include "penchant/semantic_id/id_files.h"

namespace penchant::semantic_id {

struct MatchedIds {
  Matrix<Code> codes;                   ///< [items, L] by row of the catalogue; 0 where there is none
  std::vector<std::uint32_t> missing;   ///< rows without an ID, ascending
  std::vector<std::string> unknown;     ///< items of the file that the catalogue does not have
};
/// \param items [n], external ids of the catalogue by row
[[nodiscard]] MatchedIds match_ids(const NamedIds& ids, std::span<const std::string> items);
/// invalid_argument naming the first item (and how many more) without an ID, or that is not known
Status check_complete(const MatchedIds& matched, std::span<const std::string> items);

/// Codebooks for codes that came without: level by level the mean of what the levels before left
/// over of the items with that code (items without content do not count). So a new item gets the
/// nearest codewords like everywhere else. K_l is the largest code of the level + 1. The codeword of
/// a code that only items without content have is zero; a code that nobody has stands so far away
/// that no new item gets it.
/// \param vectors [n, x] content; codes [n, L]
/// \return invalid_argument on lengths that differ, no rows, or numbers that are not finite
Result<Codebooks> fit_codebooks(MatrixView<const float> vectors, MatrixView<const Code> codes);

}  // namespace penchant::semantic_id
