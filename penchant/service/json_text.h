#pragma once
/// \file Texts into JSON values, with messages that say where they break. Private to service.
#include <cstdint>
#include <functional>
#include <string_view>
#include <variant>

#include <boost/json/value.hpp>

#include "penchant/service/fault.h"

namespace penchant::service {

inline constexpr std::size_t kMaxJsonDepth = 32;

/// One JSON value and nothing after it; deeper nesting than kMaxJsonDepth, malformed UTF-8 and
/// trailing text are faults that name the line and column.
[[nodiscard]] std::variant<boost::json::value, Fault> parse_json(std::string_view text);

/// True when the body is one JSON object per line: its content type says so, or its first line is
/// a whole object and another follows.
[[nodiscard]] bool is_ndjson(std::string_view content_type, std::string_view body);

/// Calls visit(line number from 1, line without its end) for each line that is not blank, until it
/// returns false.
void for_each_line(std::string_view body, const std::function<bool(std::size_t, std::string_view)>& visit);

}  // namespace penchant::service
