// Protocol "given": data that come with a split of their own.
#include "penchant/evaluate/split/given.h"

#include <algorithm>
#include <utility>

#include "penchant/evaluate/split/split.h"

namespace penchant::evaluate {
namespace {

constexpr std::pair<std::string_view, Part> kWords[] = {{"train", Part::training},
                                                        {"training", Part::training},
                                                        {"valid", Part::validation},
                                                        {"validation", Part::validation},
                                                        {"test", Part::test}};

}  // namespace

Result<std::vector<Part>> parts_of_types(const EventLog& log) {
  std::vector<bool> used(log.types.size(), false);
  for (const Interaction& event : log.events) used[event.type] = true;
  std::vector<Part> parts(log.types.size(), Part::training);
  for (std::size_t t = 0; t < parts.size(); ++t) {
    const auto* const known = std::ranges::find(kWords, log.types[t], &std::pair<std::string_view, Part>::first);
    if (known != std::end(kWords))
      parts[t] = known->second;
    else if (used[t])
      return invalid("the protocol \"given\" reads each event's part from its type, and \"" + log.types[t] +
                     "\" is none of train, valid, test: import the events with --map type=COLUMN, COLUMN being the one "
                     "that names the part");
  }
  return parts;
}

Status Split::cut_given(EventLog log) {
  PENCHANT_TRY(parts, parts_of_types(log));
  const auto part_of = [&](const Interaction& event) { return parts[event.type]; };
  for (std::size_t u = 0; u < log.users(); ++u) {
    const auto first = log.events.begin() + static_cast<std::ptrdiff_t>(log.offsets[u]);
    const auto end = log.events.begin() + static_cast<std::ptrdiff_t>(log.offsets[u + 1]);
    std::ranges::stable_sort(first, end, {}, part_of);
  }
  log_ = std::make_shared<const EventLog>(std::move(log));
  bool any_training = false;
  for (std::size_t u = 0; u < log_->users(); ++u) {
    const std::span<const Interaction> events = log_->of(u);
    const auto count = [&](Part part) { return static_cast<std::size_t>(std::ranges::count(events, part, part_of)); };
    const std::size_t training = count(Part::training), validation = count(Part::validation), test = count(Part::test);
    training_end_.push_back(log_->offsets[u] + training);
    any_training |= training > 0;
    if (training == 0 && test > 0) ++without_history_;
    for (std::size_t k = training; k < events.size(); ++k) {
      const bool in_test = part_of(events[k]) == Part::test;
      if (ask(u, events[k], training_end_[u], in_test ? Stage::test : Stage::validation))
        (in_test ? test_ : validation_).back().together = static_cast<std::uint32_t>(in_test ? test : validation);
    }
  }
  if (!any_training) return invalid("no event is of type \"train\", so there is nothing to train on");
  if (test_.empty()) return invalid("no user with training events has an event of type \"test\"");
  return {};
}

}  // namespace penchant::evaluate
