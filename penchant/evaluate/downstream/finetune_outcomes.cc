#include "penchant/evaluate/downstream/finetune_outcomes.h"

#include <algorithm>

#include "penchant/evaluate/release/columns.h"

namespace penchant::evaluate {

learn::FinetuneData finetune_data(const Periods& periods, const EventLog& events, const recommend::UserModel& model) {
  learn::FinetuneData out;
  std::vector<std::vector<std::size_t>> of_user(events.users());
  for (std::size_t i = 0; i < periods.outcomes.size(); ++i) of_user[periods.outcomes[i].user].push_back(i);
  const std::size_t first_valid = periods.begins[periods.first_judged];
  for (std::size_t u = 0; u < events.users(); ++u) {
    if (of_user[u].empty()) continue;
    const auto log = events.of(u);
    std::vector<std::size_t> before;
    const auto inputs = model.inputs(to_history(log, events.types, events.items()), before);
    std::size_t longest = 0;
    for (const auto i : of_user[u]) {
      const Outcome& outcome = periods.outcomes[i];
      const std::size_t read = before[static_cast<std::size_t>(std::ranges::lower_bound(log, outcome.time_ms, {}, &Interaction::time_ms) - log.begin())];
      if (read == 0 || outcome.item >= model.item_ids().size()) continue;
      longest = std::max(longest, read);
      out.outcomes.push_back({static_cast<std::uint32_t>(out.offsets.size() - 1), static_cast<std::uint32_t>(read), outcome.item,
                              static_cast<std::uint8_t>(outcome.positive), static_cast<std::uint8_t>(i >= first_valid)});
      out.until_ms = std::max(out.until_ms, outcome.time_ms + 1);
    }
    for (std::size_t e = 0; e < longest; ++e) {  // what comes later is nobody's business
      out.items.push_back(static_cast<std::int32_t>(inputs[e].item));
      out.actions.push_back(static_cast<std::int32_t>(inputs[e].action));
      out.gaps.push_back(static_cast<std::int32_t>(inputs[e].gap));
    }
    out.offsets.push_back(static_cast<std::int64_t>(out.items.size()));
  }
  return out;
}

}  // namespace penchant::evaluate
