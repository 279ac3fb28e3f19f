#include <fmt/format.h>

#include "penchant/evaluate/report/report.h"
#include "penchant/evaluate/report/format.h"

namespace penchant::evaluate {
namespace {

std::string estimate_fields(const metrics::Estimate& e) {
  return fmt::format(R"("value":{},"low":{},"high":{})", number(e.value), number(e.low), number(e.high));
}

std::string protocol_json(const Report& report) {
  const Protocol& p = report.protocol;
  std::string out = fmt::format(
      R"({{"split":{},"stage":{},"targets":{},"candidates":"all items","items":{},"tied_scores":"pessimistic",)"
      R"("interval":{{"method":"percentile bootstrap over users","level":0.95,"resamples":{},"seed":{}}},)"
      R"("seeds":{},"control":{},"parity_margin":{})",
      quoted(name_of(p.kind)), report.stage == Stage::test ? "\"test\"" : "\"validation\"",
      p.targets == Targets::all ? "\"all\"" : "\"first\"", report.items, report.resamples, report.seed, report.seeds,
      quoted(name_of(report.control)), number(report.margin));
  if (p.kind == Kind::time || p.kind == Kind::windows)
    out += fmt::format(R"(,"validation_from_ms":{},"test_from_ms":{})", p.validation_ms.value_or(0),
                       p.test_ms.value_or(0));
  if (p.kind == Kind::cold)
    out += fmt::format(R"(,"cold_share":{},"cold_by":{},"cold_seed":{})", number(p.cold_share),
                       quoted(catalog::name_of(p.cold_by)), p.cold_seed);
  out += fmt::format(R"(,"repeat_share":{},"remove_seen_by_default":{},"splits":[)",
                     number(report.repeats.share()), report.repeats.remove_seen());
  for (std::size_t i = 0; i < report.splits.size(); ++i) {
    const SplitFacts& s = report.splits[i];
    out += fmt::format(R"({}{{"ties":{},"users":{},"users_to_ask":{},"cases":{},"training_events":{},)"
                       R"("unseen_targets":{},"repeated_targets":{},"users_without_history":{}}})",
                       i == 0 ? "" : ",", quoted(name_of(s.ties)), s.users, s.users_to_ask, s.cases,
                       s.training_events, s.unseen_targets, s.repeated_targets, s.users_without_history);
  }
  return out += "]}";
}

std::string metrics_json(const std::vector<Metric>& metrics, bool with_spread) {
  std::string out = "{";
  for (std::size_t m = 0; m < metrics.size(); ++m)
    out += fmt::format("{}{}:{{{}{}}}", m == 0 ? "" : ",", quoted(metrics[m].name),
                       estimate_fields(metrics[m].estimate),
                       with_spread ? R"(,"spread":)" + number(metrics[m].spread) : std::string());
  return out + "}";
}

std::string result_json(const ModelResult& r, const JsonOptions& options) {
  std::string out = fmt::format(R"({{"model":{},"baseline":{},"seen":{},"ties":{},"seed":{},"seeds":{},"users":{},)",
                                quoted(r.model), r.baseline, quoted(name_of(r.seen)), quoted(name_of(r.ties)), r.seed,
                                r.seeds, r.users);
  if (r.seen_in_training) out += R"("seen_in_training":true,)";
  if (options.timings)
    out += fmt::format(R"("fit_seconds":{:.3f},"score_seconds":{:.3f},)", r.fit_seconds, r.score_seconds);
  out += R"("metrics":)" + metrics_json(r.metrics, r.seeds > 1) + R"(,"slices":[)";
  for (std::size_t s = 0; s < r.slices.size(); ++s)
    out += fmt::format(R"({}{{"dimension":{},"slice":{},"users":{},"metrics":{}}})", s == 0 ? "" : ",",
                       quoted(r.slices[s].dimension), quoted(r.slices[s].name), r.slices[s].users,
                       metrics_json(r.slices[s].metrics, r.seeds > 1));
  return out += "]}";
}

std::string comparison_json(const Comparison& c, const Report& report) {
  return fmt::format(R"({{"model":{},"baseline":{},"metric":{},"seen":{},"ties":{},"seed":{},"seeds":{},"users":{},)"
                     R"("difference":{},"low":{},"high":{},"beats":{},"level":{}}})",
                     quoted(c.model), quoted(c.baseline), quoted(c.metric), quoted(name_of(c.seen)),
                     quoted(name_of(c.ties)), report.seed, report.seeds, c.users, number(c.difference.value),
                     number(c.difference.low), number(c.difference.high), c.beats(), c.level());
}

std::string winner_json(const Winner& w) {
  return fmt::format(R"({{"metric":{},"seen":{},"ties":{},"model":{},"runner_up":{},"lead":{{{}}},"clear":{}}})",
                     quoted(w.metric), quoted(name_of(w.seen)), quoted(name_of(w.ties)), quoted(w.model),
                     w.runner_up.empty() ? "null" : quoted(w.runner_up), estimate_fields(w.lead), w.clear());
}

template <class List, class Write>
void append_list(std::string& out, const char* name, const List& list, const Write& write) {
  out += fmt::format(",\n\"{}\":[", name);
  for (std::size_t i = 0; i < list.size(); ++i) out += (i == 0 ? "\n" : ",\n") + write(list[i]);
  out += "\n]";
}

}  // namespace

std::string to_json(const Report& report, const JsonOptions& options) {
  std::string out = "{\"protocol\":" + protocol_json(report);
  const auto result = [&](const ModelResult& r) { return result_json(r, options); };
  append_list(out, "results", report.results, result);
  if (report.seeds > 1) append_list(out, "by_seed", report.by_seed, result);
  append_list(out, "comparisons", report.comparisons, [&](const Comparison& c) { return comparison_json(c, report); });
  append_list(out, "winners", report.winners, winner_json);
  append_list(out, "notes", report.notes, [](const std::string& note) { return quoted(note); });
  return out + "}\n";
}

}  // namespace penchant::evaluate
