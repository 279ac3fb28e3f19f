#include "penchant/base/result.h"

namespace penchant {

std::string_view name_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_argument: return "invalid_argument";
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::already_exists: return "already_exists";
    case ErrorCode::corrupt: return "corrupt";
    case ErrorCode::unavailable: return "unavailable";
    case ErrorCode::resource_exhausted: return "resource_exhausted";
    case ErrorCode::deadline_exceeded: return "deadline_exceeded";
    case ErrorCode::cancelled: return "cancelled";
    case ErrorCode::io: return "io";
    case ErrorCode::internal: return "internal";
  }
  return "internal";
}

void throw_bad_result(const Error& error) {
  throw InternalError("value() of a failed Result: " + error.message);
}

void throw_check_failed(std::string_view condition, std::string_view message,
                        std::source_location where) {
  std::string text = std::string(where.file_name()) + ":" + std::to_string(where.line()) +
                     ": check failed: " + std::string(condition);
  if (!message.empty()) text.append(" (").append(message).append(")");
  throw InternalError(text);
}

}  // namespace penchant
