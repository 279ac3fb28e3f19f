// to_json() and to_text() of a replay.
#include <fmt/format.h>

#include "penchant/evaluate/replay/replay.h"
#include "penchant/evaluate/report/format.h"

namespace penchant::evaluate {
namespace {

/// The members of an object: `count` and `found` are the names of these two.
std::string json(const ReplayFigures& f, std::string_view count, std::string_view found) {
  std::string models;
  for (std::size_t m = 0; m < kReplayModels.size(); ++m) models += (m ? "," : "") + named_estimate(kReplayModels[m], f.found[m]);
  return fmt::format("\"{}\":{},\"{}\":{{{}}},{},{}", count, f.count, found, models, named_estimate("live_minus_frozen", f.live_minus_frozen),
                     named_estimate("live_minus_counts", f.live_minus_counts));
}

/// "0", "3-5", "21 or more".
std::string step_name(std::size_t s) {
  if (s + 1 == kExposureSteps.size()) return fmt::format("{} or more", kExposureSteps[s]);
  const std::size_t last = kExposureSteps[s + 1] - 1;
  return last == kExposureSteps[s] ? std::to_string(last) : fmt::format("{}-{}", kExposureSteps[s], last);
}

std::string line(std::string_view name, const ReplayFigures& f) {
  return fmt::format("  {:<17} {:>5}  {:>6} {:>6} {:>6}  {:<24} {}\n", name, f.count, short_number(f.found[0].value), short_number(f.found[1].value),
                     short_number(f.found[2].value), short_difference(f.live_minus_frozen), short_difference(f.live_minus_counts));
}

std::string head(std::string_view name, std::string_view count) {
  return fmt::format("  {:<17} {:>5}  {:>6} {:>6} {:>6}  {:<24} {}\n", name, count, "live", "frozen", "counts", "live - frozen", "live - counts");
}

}  // namespace

std::string to_json(const Replay& found) {
  std::string steps, velocity;
  const auto step = [](std::string_view name, const ReplayFigures& f) {
    return fmt::format("{{\"events_before\":\"{}\",{}}}", name, json(f, "cases", "recall"));
  };
  for (std::size_t s = 0; s < found.steps.size(); ++s)
    if (found.steps[s].count > 0) steps += (steps.empty() ? "" : ",") + step(step_name(s), found.steps[s]);
  for (const Velocity& v : found.velocity)
    velocity += fmt::format("{}{{\"people\":{},{}}}", velocity.empty() ? "" : ",", v.people, json(v.items, "items", "found"));
  return fmt::format("{{\"release\":{},\"k\":{},\"from\":\"{}\",\"to\":\"{}\",\"events\":{},\"new_items\":{},\"known\":{},\"all\":{},\"steps\":[{}],\"velocity\":[{}]}}",
                     quoted(found.release), found.k, day_of(found.from_ms), day_of(found.to_ms), found.events, found.new_items,
                     step("known", found.known), step("any", found.all), steps, velocity);
}

std::string to_text(const Replay& found) {
  std::string text = fmt::format("{} events from {} to {} replayed for release {}; {} items were new\n", found.events, day_of(found.from_ms),
                                 day_of(found.to_ms), found.release, found.new_items);
  text += "  live: every event so far is known; frozen: none since training but those of the person asked for;\n";
  text += "  counts: transitions by item id, counted on every event so far. Differences with 95 % intervals\n\n";
  text += fmt::format("  Recall@{} of a new item that a person with a history took for the first time\n\n", found.k);
  text += head("events it had had", "lists");
  if (found.known.count > 0) text += line("(known items)", found.known);
  text += line("any", found.all);
  for (std::size_t s = 0; s < found.steps.size(); ++s)
    if (found.steps[s].count > 0) text += line(step_name(s), found.steps[s]);
  text += fmt::format("\n  New items that one of the first people who took them found in a list of {}\n\n", found.k);
  text += head("people", "items");
  for (const Velocity& v : found.velocity) text += line(std::to_string(v.people), v.items);
  return text;
}

}  // namespace penchant::evaluate
