#pragma once
/// \file A report as JSON, as a table for a terminal, and as plain sentences. Layer 6.
#include <string>
#include <vector>

#include "penchant/evaluate/runner.h"

namespace penchant::evaluate {

/// {"protocol":{…},"results":[…],"comparisons":[…],"notes":[…]}: docs/formats/evaluation.md.
[[nodiscard]] std::string to_json(const Report& report);

/// One block per tie order, one line per model and seen setting, at most 100 columns, with 95 %
/// intervals; ends with a newline.
[[nodiscard]] std::string to_table(const Report& report);

/// "penchant beats transitions by 0.0123 [0.0034, 0.0210] NDCG@10 over 943 users (seen items
/// removed)", or "… does not beat …"; one per comparison of "penchant", or of every model when it is
/// not among them.
[[nodiscard]] std::vector<std::string> sentences(const Report& report);

/// One line: NDCG@10 of every model but parts of the release, with intervals, users and protocol;
/// seen items removed where that was run. First tie order.
[[nodiscard]] std::string summary(const Report& report);

}  // namespace penchant::evaluate
