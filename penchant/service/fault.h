#pragma once
/// \file Why a request has no answer, as the caller will read it. Private to service.
#include <string>

#include "penchant/base/result.h"

namespace penchant::service {

/// An Error with its place in the request and advice. Written as
/// {"error": {"code", "message", "field", "hint"}} (field and hint only when there are any).
struct Fault {
  ErrorCode code = ErrorCode::internal;
  std::string message;
  std::string field;   ///< JSON pointer into the body ("/n"), or "?limit" for a query parameter
  std::string hint;    ///< what to do
  int status = 0;      ///< HTTP status; 0: by `code`
};

/// HTTP status of an error code.
[[nodiscard]] int status_of(ErrorCode code) noexcept;

/// A message of the form "item.attributes.year: a number is wanted" is split into field and text.
[[nodiscard]] Fault fault_of(Error error, const std::string& pointer = "");

}  // namespace penchant::service
