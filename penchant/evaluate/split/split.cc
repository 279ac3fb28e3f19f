#include "penchant/evaluate/split/split.h"

#include <array>

#include "penchant/evaluate/split/times.h"

namespace penchant::evaluate {
namespace {

constexpr std::array<std::string_view, 5> kKinds{"last-out", "time", "cold", "windows", "given"};

}  // namespace

std::string_view name_of(Kind kind) noexcept { return kKinds[static_cast<std::size_t>(kind)]; }
std::string_view name_of(Ties ties) noexcept { return ties == Ties::given ? "given" : "shuffled"; }
std::string_view name_of(Seen seen) noexcept { return seen == Seen::kept ? "kept" : "removed"; }

Result<Kind> parse_kind(std::string_view word) {
  for (std::size_t k = 0; k < kKinds.size(); ++k)
    if (word == kKinds[k]) return static_cast<Kind>(k);
  return invalid("protocol \"" + std::string(word) + "\" is not known: use last-out, time, cold, windows or given");
}

std::vector<std::uint32_t> TrainingData::item_counts() const {
  std::vector<std::uint32_t> counts(items, 0);
  for (const auto sequence : users)
    for (const auto& event : sequence) ++counts[event.item];
  return counts;
}

std::size_t TrainingData::events() const noexcept {
  std::size_t sum = 0;
  for (const auto sequence : users) sum += sequence.size();
  return sum;
}

Result<Split> Split::make(EventLog log, const Protocol& protocol) {
  if (log.events.empty())
    return invalid("there are no events to evaluate on: import some with `penchant import`");
  if (protocol.ties == Ties::shuffled) shuffle_ties(log, protocol.seed);
  Split split;
  split.protocol_ = protocol;
  if (protocol.kind == Kind::cold) {
    PENCHANT_DO(split.cut_cold(std::move(log)));
  } else if (protocol.kind == Kind::given) {
    PENCHANT_DO(split.cut_given(std::move(log)));
  } else {
    split.log_ = std::make_shared<const EventLog>(std::move(log));
    split.training_end_.assign(split.log_->offsets.begin() + 1, split.log_->offsets.end());
    if (protocol.kind == Kind::time) PENCHANT_DO(split.cut_by_time());
    if (protocol.kind == Kind::windows) PENCHANT_DO(split.cut_windows());
    if (protocol.kind == Kind::last_out) PENCHANT_DO(split.cut_last_out());
  }
  PENCHANT_DO(split.check());
  return split;
}

TrainingData Split::training() const {
  TrainingData data;
  data.items = log_->items();
  data.world_times = check_world_times(*log_, "").ok();
  data.users.reserve(log_->users());
  for (std::size_t u = 0; u < log_->users(); ++u) {
    const std::size_t first = log_->offsets[u];
    data.users.push_back(std::span(log_->events).subspan(first, training_end_[u] - first));
  }
  return data;
}

Status Split::cut_last_out() {
  for (std::size_t u = 0; u < log_->users(); ++u) {
    const std::size_t first = log_->offsets[u], end = log_->offsets[u + 1];
    if (end - first < 3) continue;
    training_end_[u] = end - 2;
    ask(u, log_->events[end - 2], end - 2, Stage::validation);
    ask(u, log_->events[end - 1], end - 1, Stage::test);
  }
  if (test_.empty())
    return invalid(
        "no user has three or more events, so there is nothing to hold out: "
        "leave-last-out needs at least one such user");
  return {};
}

Status Split::cut_by_time() {
  PENCHANT_DO(check_world_times(*log_, "global time cut"));
  const double v = protocol_.validation_quantile, t = protocol_.test_quantile;
  if (!(v > 0 && v < t && t < 1)) return invalid("the time quantiles must satisfy 0 < validation < test < 1");
  if (!protocol_.validation_ms) protocol_.validation_ms = quantile_of_times(*log_, v);
  if (!protocol_.test_ms) protocol_.test_ms = quantile_of_times(*log_, t);
  const std::int64_t t0 = *protocol_.validation_ms, t1 = *protocol_.test_ms;
  if (t0 > t1)
    return invalid("the validation cut (" + std::to_string(t0) + " ms) lies after the test cut (" +
                   std::to_string(t1) + " ms)");

  bool any_training = false;
  for (std::size_t u = 0; u < log_->users(); ++u) {
    const std::size_t first = log_->offsets[u], end = log_->offsets[u + 1];
    const std::size_t validation = first_at(*log_, u, t0), test = first_at(*log_, u, t1);
    training_end_[u] = validation;
    any_training |= validation > first;
    const auto ask_window = [&](std::size_t from, std::size_t to, Stage stage) {
      if (from == to) return;
      if (from == first && stage == Stage::test) ++without_history_;
      const std::size_t stop = protocol_.targets == Targets::all ? to : from + 1;
      for (std::size_t i = from; i < stop; ++i)  // history: nothing of the same moment
        ask(u, log_->events[i], first_at(*log_, u, log_->events[i].time_ms), stage);
    };
    ask_window(validation, test, Stage::validation);
    ask_window(test, end, Stage::test);
  }
  if (!any_training)
    return invalid(
        "no event is older than the validation cut, so there is nothing to train on: "
        "choose a later cut");
  if (test_.empty())
    return invalid("no user with a history has an event at or after the test cut: choose an earlier cut");
  return {};
}

bool Split::ask(std::size_t user, const Interaction& target, std::size_t history_end, Stage stage,
                std::uint8_t group) {
  if (history_end == log_->offsets[user]) return false;
  (stage == Stage::test ? test_ : validation_)
      .push_back({static_cast<std::uint32_t>(user), target.item, history_end, target.time_ms, group});
  return true;
}

}  // namespace penchant::evaluate
