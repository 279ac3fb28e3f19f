#include "penchant/service/fault.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace penchant::service {

int status_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_argument: return 400;
    case ErrorCode::not_found: return 404;
    case ErrorCode::already_exists: return 409;
    case ErrorCode::cancelled: return 409;
    case ErrorCode::unavailable: return 503;
    case ErrorCode::deadline_exceeded: return 504;
    case ErrorCode::resource_exhausted: return 507;
    case ErrorCode::corrupt:
    case ErrorCode::io:
    case ErrorCode::internal: return 500;
  }
  return 500;
}

Fault fault_of(Error error, const std::string& pointer) {
  Fault fault{.code = error.code, .message = std::move(error.message), .field = pointer};
  if (fault.code != ErrorCode::invalid_argument) return fault;
  constexpr std::array<std::string_view, 3> kRecords{"item.", "user.", "event."};
  const std::string_view message = fault.message;
  for (const auto record : kRecords) {
    if (!message.starts_with(record)) continue;
    const auto colon = message.find(": ");
    if (colon == std::string_view::npos || colon > 128) break;
    std::string path(message.substr(record.size(), colon - record.size()));
    if (path.find(' ') != std::string::npos) break;
    std::ranges::replace(path, '.', '/');
    fault.field = pointer + "/" + path;
    break;
  }
  return fault;
}

}  // namespace penchant::service
