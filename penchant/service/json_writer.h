#pragma once
/// \file JSON as people read it: 0.34 where the library writes 3.4E-1. Private to service.
#include <boost/json/value.hpp>
#include <string>

namespace penchant::service {

/// One line without spaces. Finite numbers read back as the same value, others are null.
[[nodiscard]] std::string write_json(const boost::json::value& value);

}  // namespace penchant::service
