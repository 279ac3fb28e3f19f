#pragma once
/// \file Points in time as people and files write them. Layer 2.
#include <cstdint>
#include <string>
#include <string_view>

#include "penchant/base/result.h"

namespace penchant::catalog {

/// Milliseconds since 1970-01-01 UTC from a text: epoch seconds, milliseconds, microseconds or
/// nanoseconds (told apart by size; below 1e11 means seconds; fractions allowed), or ISO 8601 and
/// its relatives: `2014-12-12`, `2014-12-12T20:12:35.123Z`, `2014-12-12 20:12:35 UTC`,
/// `…+02:00`, `…+0200`, `2014/12/12 20:12`, `20141212`. No zone means UTC.
/// Years 1900 to 2199. \return invalid_argument quoting the text
Result<std::int64_t> parse_time_ms(std::string_view text);

/// The same for a number. \return invalid_argument when it is negative beyond 1900 or not finite
Result<std::int64_t> epoch_to_ms(double value);

/// `2014-12-12T20:12:35.000Z`.
[[nodiscard]] std::string format_time(std::int64_t time_ms);

}  // namespace penchant::catalog
