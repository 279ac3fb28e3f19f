#pragma once
/// \file `penchant eval --search FILE`: search models against queries with graded judgments.
#include <cstdint>
#include <string>
#include <vector>

#include "context.h"

namespace penchant::app {

struct SearchOptions {
  std::string judgments;            ///< CSV query,item_id,grade
  double relevant = 2;              ///< grades from here on count for MRR and Recall
  double zero_grade = 0;            ///< grade that is worth nothing
  std::vector<std::string> models;  ///< bm25, dense-text, random; empty: all three
  std::string json;                 ///< file for the result, besides the table; empty: none
  bool json_to_stdout = false;      ///< nothing but JSON on standard output
  std::uint64_t seed = 1;
  std::size_t resamples = 1000;
};

/// Prints table and sentences, or JSON.
Status eval_search(Context& context, const SearchOptions& options);

}  // namespace penchant::app
