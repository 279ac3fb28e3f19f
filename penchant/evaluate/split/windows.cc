// Protocol "windows": train to a moment, then score what comes days later with frozen histories.
#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "penchant/evaluate/split/split.h"
#include "penchant/evaluate/split/times.h"

namespace penchant::evaluate {
namespace {

constexpr std::int64_t kFarMoment = std::int64_t{1} << 60;
constexpr std::int64_t kWhole = kWindowEndsMs[std::size(kWindowEndsMs) - 1];

}  // namespace

Status Split::cut_windows() {
  PENCHANT_DO(check_world_times(*log_, "evaluation by days after training"));
  const std::int64_t last = std::ranges::max_element(log_->events, {}, &Interaction::time_ms)->time_ms;
  if (!(protocol_.test_quantile > 0 && protocol_.test_quantile < 1))
    return invalid("the quantile of the moment that training ends must lie between 0 and 1");
  if (!protocol_.test_ms) protocol_.test_ms = std::min(quantile_of_times(*log_, protocol_.test_quantile), last - kWhole);
  const std::int64_t t = *protocol_.test_ms;
  if (std::abs(t) > kFarMoment || std::abs(protocol_.validation_ms.value_or(0)) > kFarMoment)
    return invalid("a cut is no moment: give milliseconds since 1970");
  if (last - t < kWhole)
    return invalid("the last event lies " + std::to_string((last - t) / kDayMs) +
                   " days after the cut, the windows need 14: choose a cut of at most " +
                   std::to_string(last - kWhole) + " ms");
  if (!protocol_.validation_ms) protocol_.validation_ms = t - 7 * kDayMs;
  const std::int64_t v = *protocol_.validation_ms;
  if (v > t)
    return invalid("the validation cut (" + std::to_string(v) + " ms) lies after the test cut (" +
                   std::to_string(t) + " ms)");
  groups_ = {"+1 day", "+7 days", "+14 days"};

  bool any_training = false;
  for (std::size_t u = 0; u < log_->users(); ++u) {
    const std::size_t frozen_v = first_at(*log_, u, v), frozen_t = first_at(*log_, u, t);
    training_end_[u] = frozen_v;
    any_training |= frozen_v > log_->offsets[u];
    // The validation is the same question a little earlier, with windows cut short at t.
    const auto ask_windows = [&](std::size_t frozen, std::int64_t moment, std::size_t stop, Stage stage) {
      std::size_t from = frozen;
      for (std::size_t w = 0; w < std::size(kWindowEndsMs); ++w) {
        const std::size_t to = std::min(stop, first_at(*log_, u, moment + kWindowEndsMs[w]));
        const std::size_t upto = protocol_.targets == Targets::all ? to : std::min(to, from + 1);
        for (std::size_t i = from; i < upto; ++i)
          ask(u, log_->events[i], frozen, stage, static_cast<std::uint8_t>(w));
        from = std::max(from, to);
      }
      return from > frozen;
    };
    ask_windows(frozen_v, v, frozen_t, Stage::validation);
    const bool wanted = ask_windows(frozen_t, t, log_->offsets[u + 1], Stage::test);
    if (wanted && frozen_t == log_->offsets[u]) ++without_history_;
  }
  if (!any_training)
    return invalid(
        "no event is older than the validation cut, so there is nothing to train on: "
        "choose a later cut");
  if (test_.empty())
    return invalid("no user with a history has an event in the 14 days after the cut: choose an earlier cut");
  return {};
}

}  // namespace penchant::evaluate
