#pragma once
/// \file Queries with graded judgments, read from a file of somebody else's. Layer 6.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "penchant/base/result.h"

namespace penchant::evaluate {

inline constexpr std::size_t kMaxJudgmentLine = 64 * 1024;     ///< bytes of one record
inline constexpr std::size_t kMaxJudgments = 20'000'000;       ///< records of one file
inline constexpr std::size_t kMaxQueryText = 2048;             ///< bytes of one query
inline constexpr double kMaxGrade = 30;                        ///< 2^30: gains stay exact

struct Graded {
  std::uint32_t item = 0;  ///< row of the catalogue
  double grade = 0;        ///< in [0, kMaxGrade]
};

struct JudgedQuery {
  std::string text;
  std::vector<Graded> judged;  ///< at least one, in order of the file, each item once
};

/// A plain value.
struct Judgments {
  std::vector<JudgedQuery> queries;  ///< in order of first appearance
  std::size_t pairs = 0;
};

/// Reads comma or tab separated records (RFC 4180 quotes) with a header that names the columns, in any
/// order: `query` (or `query_text`), `item_id` (or `item`, `product_id`, `doc_id`) and `grade` (or
/// `rating`, `relevance`, `label`); with `query_id` (or `qid`) besides, records of one id are one query
/// and must carry the same text. Further columns are ignored. The file is read in pieces: memory is
/// bounded by the judgments, not by the length of a line.
/// \param item_ids [items] external ids; row i is item i
/// \return not_found or io for the file; invalid_argument naming the row, the field and the fix for a
/// missing column, a bad or duplicate record, an item that the catalogue does not hold, or a line that
/// is too long
Result<Judgments> read_judgments(const std::string& path, std::span<const std::string> item_ids);

}  // namespace penchant::evaluate
