#pragma once
/// \file What changed between the semantic IDs of two releases. Layer 3.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/result.h"
#include "penchant/semantic_id/codebooks.h"

namespace penchant::semantic_id {

/// One side of the comparison. Views: the arrays live through the call.
struct IdSet {
  std::string name;                    ///< of the release
  std::span<const std::string> items;  ///< [n], external ids, each once
  const StoredCodes* stored = nullptr; ///< codes [n, L] in the order of `items`
};

struct LevelDifference {
  std::size_t before = 0, after = 0;  ///< codes that there are
  std::size_t kept = 0;               ///< items in both whose codes up to this level are as before
  std::size_t first_changed = 0;      ///< items in both whose first different code is this one
  bool identical = false;             ///< the codewords are the same numbers
  bool has_drift = false;             ///< the two below are known: as many codewords of as many numbers
  double drift = 0;  ///< mean distance of the codewords of the same code / mean length of those before
  /// Mean distance of a codeword to the nearest one before, in the same unit: much smaller than
  /// `drift` where the codewords are about the same and only numbered anew.
  double nearest = 0;
};

struct ChangedId {
  std::string item;
  std::vector<Code> before, after;
};

struct IdDifference {
  std::string before, after;  ///< names of the releases
  std::size_t items_before = 0, items_after = 0;
  std::size_t common = 0, added = 0, removed = 0;
  std::size_t levels_before = 0, levels_after = 0;
  bool same_codebooks = false;  ///< and the same content encoder, or none: content gets the same codes
  std::string not_comparable;           ///< why there are no levels, in one sentence; empty: there are
  std::size_t changed = 0;              ///< items in both with another ID
  double kept_share = 0;                ///< the others / items in both
  std::vector<LevelDifference> levels;  ///< [L]; empty where not comparable
  std::string no_drift;                 ///< why no level has a drift, in one sentence; may be empty
  std::vector<std::string> first_added, first_removed;  ///< at most 5 of each, in row order
  std::vector<ChangedId> first_changed;                 ///< at most 5
};

/// \return invalid_argument when an item is named twice on one side
Result<IdDifference> compare_ids(const IdSet& before, const IdSet& after, Executor& executor);

/// One JSON object, the field names of the structs.
[[nodiscard]] std::string to_json(const IdDifference& difference);
/// Tables for a terminal, at most 100 columns.
[[nodiscard]] std::string to_text(const IdDifference& difference);

}  // namespace penchant::semantic_id
