#pragma once
/// \file What `time_ms` of the stored events means. Layer 3.
#include <cstdint>
#include <optional>
#include <string_view>

#include "penchant/base/result.h"
#include "penchant/store/store.h"

namespace penchant::store {

enum class TimeKind : std::uint8_t {
  epoch,        ///< ms since 1970 UTC
  position,     ///< the order of the event within its user (or of its row in the file): no clock, no gaps
  since_first,  ///< ms since the user's first event, in whole days: gaps are true, equal values are ties
};

inline constexpr std::string_view kTimeKindSetting = "time_kind";

/// "epoch", "position" or "since_first".
[[nodiscard]] std::string_view name_of(TimeKind kind) noexcept;
/// The setting `time_kind`; epoch where it was never set.
Result<TimeKind> time_kind(Store& store);
/// nullopt where it was never set.
Result<std::optional<TimeKind>> time_kind_if_set(Store& store);
Status put_time_kind(Store& store, TimeKind kind);

}  // namespace penchant::store
