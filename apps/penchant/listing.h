#pragma once
/// \file How lists of recommendations look in a terminal.
#include <string>

#include "penchant/recommend/engine.h"

namespace penchant::app {

/// Lines "1  Title  0.93  why", cut to the terminal's width; then what was ignored or degraded.
void print_list(const recommend::Response& response);

}  // namespace penchant::app
