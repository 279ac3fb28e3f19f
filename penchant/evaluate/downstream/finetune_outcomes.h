#pragma once
/// \file Outcomes and the histories before them, as fine-tuning a user model reads them. Layer 6.
#include "penchant/base/result.h"
#include "penchant/evaluate/clicks/periods.h"
#include "penchant/evaluate/event_log.h"
#include "penchant/learn/finetune.h"
#include "penchant/recommend/user_model.h"

namespace penchant::evaluate {

/// Of the periods before the judged ones of PeriodOptions, learned, and of the judged ones, for the early stop; `periods`
/// is cut with JudgedPart::validation, so that nothing later is in it. Every outcome reads the events strictly older than
/// it; outcomes without such an event, and of items that the release does not know, are left out.
[[nodiscard]] learn::FinetuneData finetune_data(const Periods& periods, const EventLog& events, const recommend::UserModel& model);

}  // namespace penchant::evaluate
