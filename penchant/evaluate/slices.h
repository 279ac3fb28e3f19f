#pragma once
/// \file Kinds of cases whose figures are shown apart. Layer 6.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "penchant/evaluate/split/split.h"

namespace penchant::evaluate {

/// One way to divide all cases.
struct SliceDimension {
  std::string name;                 ///< "item-frequency"
  std::vector<std::string> slices;  ///< "0", "1-5", …
  std::vector<std::uint8_t> of;     ///< [cases] index into slices
};

/// item-frequency: training events of the target. user: "new" = without a training event. history-length:
/// events before the target. item-age, where times are those of the world: time from the first event
/// of the target's item, by anyone, to the request; "never seen" = there was none before it. group:
/// Split::groups(), where the protocol has them.
std::vector<SliceDimension> slice_cases(const Split& split, std::span<const Case> cases);

}  // namespace penchant::evaluate
