// The proof that a split leaks nothing: recomputed from times, places and items, not from the cuts.
#include <algorithm>

#include "penchant/evaluate/split/given.h"
#include "penchant/evaluate/split/split.h"

namespace penchant::evaluate {
namespace {

Error leak(const EventLog& log, std::size_t user, const std::string& what) {
  return {ErrorCode::internal, "the split leaks: " + what + " of user " + log.user_ids[user]};
}

}  // namespace

Status Split::check() const {
  const bool last_out = protocol_.kind == Kind::last_out;
  for (const Stage stage : {Stage::validation, Stage::test}) {
    std::uint32_t user = 0;
    for (const Case& c : cases(stage)) {
      if (c.user < user) return leak(*log_, c.user, "the order of the cases");
      user = c.user;
      const std::size_t first = log_->offsets[user], end = log_->offsets[user + 1];
      // A cold target is not in the log, so its history may be all that is left.
      const std::size_t limit = protocol_.kind == Kind::cold ? end : end - 1;
      if (c.history_end <= first || c.history_end > limit || c.history_end < training_end_[user])
        return leak(*log_, user, "training or history reaches into a target");
      if (last_out && (c.history_end != end - (stage == Stage::test ? 1 : 2) ||
                       log_->events[c.history_end].item != c.target))
        return leak(*log_, user, "a target that is not where it should be");
      if (protocol_.kind == Kind::given && c.history_end != training_end_[user])
        return leak(*log_, user, "a history that is not the training part");
      const std::int64_t newest = log_->events[c.history_end - 1].time_ms;
      if (protocol_.kind == Kind::time && newest >= c.at_ms)
        return leak(*log_, user, "a history holds the moment of its target");
      if (protocol_.kind == Kind::windows) {
        const std::int64_t frozen = stage == Stage::test ? *protocol_.test_ms : *protocol_.validation_ms;
        const std::int64_t later = c.at_ms - frozen;
        if (newest >= frozen || later < 0 || later >= kWindowEndsMs[c.group] ||
            (c.group > 0 && later < kWindowEndsMs[c.group - 1]))
          return leak(*log_, user, "a window");
        if (stage == Stage::validation && c.at_ms >= *protocol_.test_ms)
          return leak(*log_, user, "validation in the test window");
      }
      if (protocol_.kind == Kind::time && stage == Stage::validation && c.at_ms >= *protocol_.test_ms)
        return leak(*log_, user, "validation in the test window");
      const std::uint32_t asked_place = protocol_.kind == Kind::cold ? length_[user] - (stage == Stage::test ? 1 : 2) : 0;
      if (protocol_.kind == Kind::cold && place_[c.history_end - 1] >= asked_place)
        return leak(*log_, user, "a history that holds its target");
      if (protocol_.kind == Kind::cold && (held_out_[c.target] != 0) != (c.group == 0))
        return leak(*log_, user, "a target in the wrong group");
    }
  }
  if (protocol_.kind == Kind::given) PENCHANT_DO(check_given());
  for (std::size_t u = 0; u < log_->users(); ++u) {
    if (training_end_[u] < log_->offsets[u] || training_end_[u] > log_->offsets[u + 1])
      return leak(*log_, u, "training beyond the events");
    if (protocol_.kind == Kind::time || protocol_.kind == Kind::windows) PENCHANT_DO(check_times(u));
    if (protocol_.kind == Kind::cold) PENCHANT_DO(check_cold(u));
    const std::size_t events = log_->offsets[u + 1] - log_->offsets[u];
    if (last_out && events >= 3 && training_end_[u] != log_->offsets[u + 1] - 2)
      return leak(*log_, u, "training holds a target");
  }
  return {};
}

Status Split::check_times(std::size_t user) const {
  for (std::size_t i = log_->offsets[user]; i < training_end_[user]; ++i)
    if (log_->events[i].time_ms >= *protocol_.validation_ms)
      return leak(*log_, user, "an event at the cut or later is in training");
  return {};
}

Status Split::check_cold(std::size_t user) const {
  const std::uint32_t asked_from = length_[user] < 3 ? length_[user] : length_[user] - 2;
  for (std::size_t i = log_->offsets[user]; i < log_->offsets[user + 1]; ++i) {
    if (held_out_[log_->events[i].item] != 0)
      return leak(*log_, user, "held-out item " + log_->item_ids[log_->events[i].item] + " is in a sequence");
    if (i < training_end_[user] && place_[i] >= asked_from)
      return leak(*log_, user, "training holds a target");
  }
  return {};
}

Status Split::check_given() const {
  PENCHANT_TRY(parts, parts_of_types(*log_));
  for (std::size_t u = 0; u < log_->users(); ++u)
    for (std::size_t i = log_->offsets[u]; i < log_->offsets[u + 1]; ++i)
      if ((parts[log_->events[i].type] == Part::training) != (i < training_end_[u]))
        return leak(*log_, u, "an event in another part than its type names");
  for (const Stage stage : {Stage::validation, Stage::test}) {
    const Part wanted = stage == Stage::test ? Part::test : Part::validation;
    for (const Case& c : cases(stage))
      if (std::ranges::none_of(log_->of(c.user), [&](const auto& event) { return event.item == c.target && parts[event.type] == wanted; }))
        return leak(*log_, c.user, "a target of another part");
  }
  return {};
}

}  // namespace penchant::evaluate
