#pragma once
/// \file How lists of recommendations look in a terminal.
#include <string>

#include "penchant/recommend/engine.h"

namespace penchant::app {

/// Rank, title and score on one line, the reason below it; then what was ignored or degraded.
void print_list(const recommend::Response& response);

}  // namespace penchant::app
