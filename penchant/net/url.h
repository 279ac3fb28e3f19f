#pragma once
/// \file Percent coding and the two parts of a request target. Layer 1.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "penchant/base/result.h"

namespace penchant::net {

/// Bytes of `text` with %XX replaced; `plus_is_space` as in query strings.
/// \return invalid_argument on an incomplete or non-hexadecimal escape, and on an encoded zero byte
Result<std::string> percent_decode(std::string_view text, bool plus_is_space = false);

/// Everything but unreserved characters (letters, digits, "-._~") as %XX: safe as one path segment
/// or query value.
[[nodiscard]] std::string percent_encode(std::string_view text);

/// Path and query of a request target.
struct Target {
  std::string path;  ///< still encoded; starts with '/'
  std::vector<std::pair<std::string, std::string>> query;  ///< decoded; "a" alone has value ""
};

/// Reads origin form ("/p?q"), absolute form ("http://host/p?q") and "*".
/// \return invalid_argument on anything else, on bad escapes and on more than 100 parameters
Result<Target> parse_target(std::string_view target);

}  // namespace penchant::net
