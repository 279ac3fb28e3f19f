// to_json() and to_text() of a replay.
#include <fmt/format.h>

#include "penchant/catalog/time.h"
#include "penchant/evaluate/replay/replay.h"
#include "penchant/evaluate/report/format.h"

namespace penchant::evaluate {
namespace {

std::string date(std::int64_t time_ms) { return catalog::format_time(time_ms).substr(0, 10); }

std::string json(std::string_view name, const metrics::Estimate& e) {
  return fmt::format("\"{}\":{{\"value\":{},\"low\":{},\"high\":{}}}", name, number(e.value), number(e.low), number(e.high));
}

std::string models_json(std::span<const metrics::Estimate> values) {
  std::string text;
  for (std::size_t m = 0; m < kReplayModels.size(); ++m) text += (m ? "," : "") + json(kReplayModels[m], values[m]);
  return text;
}

std::string sign(double value) { return (value >= 0 ? "+" : "") + short_number(value); }
std::string difference(const metrics::Estimate& e) { return fmt::format("{} [{} {}]", sign(e.value), sign(e.low), sign(e.high)); }

/// "0", "3-5", "21 or more".
std::string step_name(std::size_t s) {
  if (s + 1 == kExposureSteps.size()) return fmt::format("{} or more", kExposureSteps[s]);
  const std::size_t last = kExposureSteps[s + 1] - 1;
  return last == kExposureSteps[s] ? std::to_string(last) : fmt::format("{}-{}", kExposureSteps[s], last);
}

template <class Row>
std::string cells(const Row& row, std::span<const metrics::Estimate> values) {
  return fmt::format("{:>6} {:>6} {:>6}  {:<24} {}", short_number(values[0].value), short_number(values[1].value), short_number(values[2].value),
                     difference(row.live_minus_frozen), difference(row.live_minus_counts));
}

}  // namespace

std::string to_json(const Replay& found) {
  std::string steps, velocity;
  const auto step = [&](std::string_view name, const ReplayStep& s) {
    return fmt::format("{{\"events_before\":\"{}\",\"cases\":{},\"recall\":{{{}}},{},{}}}", name, s.cases, models_json(s.recall),
                       json("live_minus_frozen", s.live_minus_frozen), json("live_minus_counts", s.live_minus_counts));
  };
  for (std::size_t s = 0; s < found.steps.size(); ++s)
    if (found.steps[s].cases > 0) steps += (steps.empty() ? "" : ",") + step(step_name(s), found.steps[s]);
  for (const Velocity& v : found.velocity)
    velocity += fmt::format("{}{{\"people\":{},\"items\":{},\"found\":{{{}}},{},{}}}", velocity.empty() ? "" : ",", v.exposures, v.items,
                            models_json(v.found), json("live_minus_frozen", v.live_minus_frozen), json("live_minus_counts", v.live_minus_counts));
  return fmt::format("{{\"release\":{},\"k\":{},\"from\":\"{}\",\"to\":\"{}\",\"events\":{},\"new_items\":{},\"known\":{},\"all\":{},\"steps\":[{}],\"velocity\":[{}]}}",
                     quoted(found.release), found.k, date(found.from_ms), date(found.to_ms), found.events, found.new_items, step("known", found.known), step("any", found.all),
                     steps, velocity);
}

std::string to_text(const Replay& found) {
  std::string text = fmt::format("{} events from {} to {} replayed for release {}; {} items were new\n", found.events, date(found.from_ms),
                                 date(found.to_ms), found.release, found.new_items);
  text += "  live: every event so far is known; frozen: none since training but those of the person asked for;\n";
  text += "  counts: transitions by item id, counted on every event so far. Differences with 95 % intervals\n\n";
  text += fmt::format("  Recall@{} of a new item that a person with a history took for the first time\n\n", found.k);
  text += fmt::format("  {:<17} {:>5}  {:>6} {:>6} {:>6}  {:<24} {}\n", "events it had had", "lists", "live", "frozen", "counts", "live - frozen", "live - counts");
  if (found.known.cases > 0) text += fmt::format("  {:<17} {:>5}  {}\n", "(known items)", found.known.cases, cells(found.known, found.known.recall));
  text += fmt::format("  {:<17} {:>5}  {}\n", "any", found.all.cases, cells(found.all, found.all.recall));
  for (std::size_t s = 0; s < found.steps.size(); ++s)
    if (found.steps[s].cases > 0) text += fmt::format("  {:<17} {:>5}  {}\n", step_name(s), found.steps[s].cases, cells(found.steps[s], found.steps[s].recall));
  text += fmt::format("\n  New items that one of the first people who took them found in a list of {}\n\n", found.k);
  text += fmt::format("  {:<17} {:>5}  {:>6} {:>6} {:>6}  {:<24} {}\n", "people", "items", "live", "frozen", "counts", "live - frozen", "live - counts");
  for (const Velocity& v : found.velocity) text += fmt::format("  {:<17} {:>5}  {}\n", v.exposures, v.items, cells(v, v.found));
  return text;
}

}  // namespace penchant::evaluate
