#pragma once
/// \file A report as JSON, CSV, HTML, as a table for a terminal, and as plain sentences. Layer 6.
#include <string>
#include <vector>

#include "penchant/evaluate/runner.h"

namespace penchant::evaluate {

struct JsonOptions {
  bool timings = true;  ///< false: nothing that differs between two runs of the same
};
/// {"protocol":{…},"results":[…],"by_seed":[…],"comparisons":[…],"winners":[…],"notes":[…]}:
/// docs/formats/evaluation.md.
[[nodiscard]] std::string to_json(const Report& report, const JsonOptions& options = {});

/// One row per model x seen x ties x seed x metric x slice; seed "all" = over several seeds. Fields
/// with commas, quotes or line breaks are quoted; ends with a newline.
[[nodiscard]] std::string to_csv(const Report& report);

/// One page that needs nothing else: figures, interval plots, slices, recall over k, differences; drawn
/// as inline SVG; follows the reader's light or dark setting. No script, no outside address.
[[nodiscard]] std::string to_html(const Report& report);

/// One block per tie order and seen setting, one line per model, best first, at most 100 columns, with
/// 95 % intervals; marks the best of each metric, and the next where both are level. Ends with a newline.
[[nodiscard]] std::string to_table(const Report& report);

/// NDCG@10 of the three best models in every slice, at most 100 columns; first tie order, seen items
/// removed where that was run.
[[nodiscard]] std::string to_slice_table(const Report& report);

/// What the comparisons say, per model, tie order and seen setting: which baselines it beats (with
/// the smallest lead), which it is level with and which it does not beat, each with figures. Of
/// "penchant", or of every model when it is not among them; of baselines alone: which is best.
[[nodiscard]] std::vector<std::string> sentences(const Report& report);

/// One line: NDCG@10 of every model but parts of the release, with intervals, users and protocol;
/// seen items removed where that was run. First tie order.
[[nodiscard]] std::string summary(const Report& report);

}  // namespace penchant::evaluate
