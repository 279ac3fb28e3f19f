#pragma once
/// \file A search as a table, a plain sentence, and JSON. Layer 6.
#include <string>
#include <vector>

#include "penchant/evaluate/tune/tune.h"

namespace penchant::evaluate {

/// The ten best trials and the defaults, one line each, best first; at most 100 columns; ends with a
/// newline.
[[nodiscard]] std::string to_table(const TuneReport& report);

/// "dim=96 beats the defaults of sasrec by 0.0021 [0.0010, 0.0032] NDCG@10 over 943 users …", or that
/// it does not and the defaults stay.
[[nodiscard]] std::string sentence(const TuneReport& report);

/// "name=value" of every setting of the best trial that differs from the defaults, or was fixed; the
/// settings that the report recommends.
[[nodiscard]] std::vector<std::string> chosen_settings(const TuneReport& report);

/// docs/formats/tune.md.
[[nodiscard]] std::string to_json(const TuneReport& report);

}  // namespace penchant::evaluate
