#pragma once
/// \file Quantisers side by side on the same content vectors. Layer 3.
#include <span>
#include <string>
#include <vector>

#include "penchant/base/clock.h"
#include "penchant/semantic_id/collisions.h"
#include "penchant/semantic_id/quantiser_options.h"
#include "penchant/semantic_id/report.h"

namespace penchant::semantic_id {

/// Of pairs of an item and the one taken next: how many have the same first codes.
struct NextItem {
  double share = 0;   ///< of the pairs
  double chance = 0;  ///< the same if firsts and nexts were paired at random
};

struct ComparisonOptions {
  CollisionOptions collisions;
  /// Pairs of rows, an item and the one taken after it, that nothing was fitted on; may be empty. Lives
  /// through the call
  std::span<const ItemPair> next;
};

struct ComparedQuantiser {
  std::string name;
  std::vector<std::uint32_t> codebooks;  ///< [L], K_l
  double unique_before = 0;  ///< share of the items that have their ID for themselves with nearest codewords
  double seconds = 0;        ///< of training, coding and resolving all items, by the clock
  SidReport report;          ///< after the collision policy; its unique_share is the share after
  /// [L], same codes up to each level, without one that only counts; empty where no pairs were asked
  std::vector<NextItem> next;
};

/// Trains every quantiser with the same options, runs the collision policy and reports.
/// \param vectors [n, x] content; names known to fit_quantiser
/// \return the error of the first quantiser that failed, with its name; cancelled
Result<std::vector<ComparedQuantiser>> compare_quantisers(MatrixView<const float> vectors,
                                                          std::span<const std::string> names,
                                                          const QuantiserOptions& options, Executor& executor,
                                                          const Clock& clock,
                                                          const ComparisonOptions& how = {});

/// {"quantisers": [{"quantiser", "codebooks", "unique_before", "unique_after", "seconds", "next_item":
/// [{"share", "chance"}], "report"}]}; "report" as to_json(SidReport).
[[nodiscard]] std::string to_json(std::span<const ComparedQuantiser> compared);
/// One table for a terminal, a line per level, at most 100 columns.
[[nodiscard]] std::string to_text(std::span<const ComparedQuantiser> compared);

}  // namespace penchant::semantic_id
