#include "penchant/store/time_kind.h"

namespace penchant::store {

std::string_view name_of(TimeKind kind) noexcept {
  return kind == TimeKind::position ? "position" : kind == TimeKind::since_first ? "since_first" : "epoch";
}

Result<std::optional<TimeKind>> time_kind_if_set(Store& store) {
  PENCHANT_TRY(text, store.get_setting(kTimeKindSetting));
  if (!text) return std::optional<TimeKind>();
  for (const TimeKind kind : {TimeKind::epoch, TimeKind::position, TimeKind::since_first})
    if (*text == "\"" + std::string(name_of(kind)) + "\"") return std::optional(kind);
  return Error{ErrorCode::corrupt, "setting time_kind: " + text->substr(0, 40) +
                                       " is not \"epoch\", \"position\" or \"since_first\""};
}

Result<TimeKind> time_kind(Store& store) {
  PENCHANT_TRY(kind, time_kind_if_set(store));
  return kind.value_or(TimeKind::epoch);
}

Status put_time_kind(Store& store, TimeKind kind) {
  return store.put_setting(kTimeKindSetting, "\"" + std::string(name_of(kind)) + "\"");
}

}  // namespace penchant::store
