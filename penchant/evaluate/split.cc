#include "penchant/evaluate/split.h"

#include <algorithm>

namespace penchant::evaluate {
namespace {

/// Times below this (April 1970) are positions inside a user, not moments in the world.
constexpr std::int64_t kFirstRealMoment = 10'000'000'000;

std::int64_t quantile_of_times(const EventLog& log, double q) {
  std::vector<std::int64_t> times;
  times.reserve(log.events.size());
  for (const auto& event : log.events) times.push_back(event.time_ms);
  const auto at = std::min(times.size() - 1, static_cast<std::size_t>(q * static_cast<double>(times.size())));
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(at), times.end());
  return times[at];
}

}  // namespace

std::string_view name_of(Kind kind) noexcept { return kind == Kind::time ? "time" : "last-out"; }
std::string_view name_of(Ties ties) noexcept { return ties == Ties::given ? "given" : "shuffled"; }
std::string_view name_of(Seen seen) noexcept { return seen == Seen::kept ? "kept" : "removed"; }

Result<Kind> parse_kind(std::string_view word) {
  if (word == "last-out") return Kind::last_out;
  if (word == "time") return Kind::time;
  return invalid("protocol \"" + std::string(word) + "\" is not known: use last-out or time");
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
  split.log_ = std::make_shared<const EventLog>(std::move(log));
  split.protocol_ = protocol;
  split.training_end_.assign(split.log_->offsets.begin() + 1, split.log_->offsets.end());
  if (protocol.kind == Kind::last_out) {
    split.cut_last_out();
    if (split.test_.empty())
      return invalid(
          "no user has three or more events, so there is nothing to hold out: "
          "leave-last-out needs at least one such user");
  } else {
    PENCHANT_DO(split.cut_by_time());
  }
  PENCHANT_DO(split.check());
  return split;
}

TrainingData Split::training() const {
  TrainingData data;
  data.items = log_->items();
  data.users.reserve(log_->users());
  for (std::size_t u = 0; u < log_->users(); ++u) {
    const std::size_t first = log_->offsets[u];
    data.users.push_back(std::span(log_->events).subspan(first, training_end_[u] - first));
  }
  return data;
}

void Split::cut_last_out() {
  for (std::size_t u = 0; u < log_->users(); ++u) {
    const std::size_t first = log_->offsets[u], end = log_->offsets[u + 1];
    if (end - first < 3) continue;
    training_end_[u] = end - 2;
    ask(u, end - 2, Stage::validation);
    ask(u, end - 1, Stage::test);
  }
}

Status Split::cut_by_time() {
  const auto& events = log_->events;
  const auto last = std::max_element(events.begin(), events.end(),
                                     [](const auto& a, const auto& b) { return a.time_ms < b.time_ms; });
  if (!log_->world_times || last->time_ms < kFirstRealMoment)
    return invalid(
        "the events carry positions, not times, so no global time cut is possible: "
        "use --protocol last-out");
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
    const auto of_user = log_->of(u);
    const std::size_t offset = log_->offsets[u];
    const auto at = [&](std::int64_t moment) {
      return static_cast<std::size_t>(std::ranges::lower_bound(of_user, moment, {}, &Interaction::time_ms) -
                                      of_user.begin());
    };
    const std::size_t validation = at(t0), test = at(t1);
    training_end_[u] = offset + validation;
    any_training |= validation > 0;
    const auto ask_window = [&](std::size_t begin, std::size_t end, Stage stage) {
      if (begin == end) return;
      if (begin == 0 && stage == Stage::test) ++without_history_;
      const std::size_t stop = protocol_.targets == Targets::all ? end : begin + 1;
      for (std::size_t i = begin; i < stop; ++i) ask(u, offset + i, stage);
    };
    ask_window(validation, test, Stage::validation);
    ask_window(test, of_user.size(), Stage::test);
  }
  if (!any_training)
    return invalid(
        "no event is older than the validation cut, so there is nothing to train on: "
        "choose a later cut");
  if (test_.empty())
    return invalid("no user with a history has an event at or after the test cut: choose an earlier cut");
  return {};
}

void Split::ask(std::size_t user, std::size_t event, Stage stage) {
  const std::size_t first = log_->offsets[user];
  const Interaction& target = log_->events[event];
  std::size_t end = event;
  if (protocol_.kind == Kind::time)  // nothing of the same moment
    while (end > first && log_->events[end - 1].time_ms >= target.time_ms) --end;
  if (end == first) return;
  (stage == Stage::test ? test_ : validation_)
      .push_back({static_cast<std::uint32_t>(user), target.item, end, target.time_ms});
}

Status Split::check() const {
  for (const Stage stage : {Stage::validation, Stage::test}) {
    for (const Case& c : cases(stage)) {
      const bool inside = c.history_end >= training_end_[c.user] && c.history_end < log_->offsets[c.user + 1];
      if (!inside)
        return Error{ErrorCode::internal,
                     "the split would train on a target of user " + log_->user_ids[c.user]};
    }
  }
  if (protocol_.kind != Kind::time) return {};
  for (std::size_t u = 0; u < log_->users(); ++u)
    for (std::size_t i = log_->offsets[u]; i < training_end_[u]; ++i)
      if (log_->events[i].time_ms >= *protocol_.validation_ms)
        return Error{ErrorCode::internal,
                     "an event of user " + log_->user_ids[u] + " at the cut or later is in training"};
  return {};
}

}  // namespace penchant::evaluate
