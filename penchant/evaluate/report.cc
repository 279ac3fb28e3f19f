#include "penchant/evaluate/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace penchant::evaluate {
namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (static_cast<unsigned char>(c) < 0x20)
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      out += c;
  }
  return out += '"';
}

/// Plain decimal notation; JSON has no infinities.
std::string number(double value) { return std::isfinite(value) ? fmt::format("{}", value) : "null"; }

std::string estimate_json(const metrics::Estimate& e) {
  return fmt::format(R"({{"value":{},"low":{},"high":{}}})", number(e.value), number(e.low), number(e.high));
}

std::string protocol_json(const Report& report) {
  const Protocol& p = report.protocol;
  std::string out = fmt::format(
      R"({{"split":{},"stage":{},"targets":{},"candidates":"all items","items":{},"tied_scores":"pessimistic",)"
      R"("interval":{{"method":"percentile bootstrap over users","level":0.95,"resamples":{},"seed":{}}})",
      quoted(name_of(p.kind)), report.stage == Stage::test ? "\"test\"" : "\"validation\"",
      p.targets == Targets::all ? "\"all\"" : "\"first\"", report.items, report.resamples, report.seed);
  if (p.kind == Kind::time)
    out += fmt::format(R"(,"validation_from_ms":{},"test_from_ms":{})", p.validation_ms.value_or(0),
                       p.test_ms.value_or(0));
  out += fmt::format(R"(,"repeat_share":{},"remove_seen_by_default":{},"splits":[)",
                     number(report.repeats.share()), report.repeats.remove_seen());
  for (std::size_t i = 0; i < report.splits.size(); ++i) {
    const SplitFacts& s = report.splits[i];
    out += fmt::format(R"({}{{"ties":{},"users":{},"cases":{},"training_events":{},"unseen_targets":{},)"
                       R"("repeated_targets":{},"users_without_history":{}}})",
                       i == 0 ? "" : ",", quoted(name_of(s.ties)), s.users, s.cases, s.training_events,
                       s.unseen_targets, s.repeated_targets, s.users_without_history);
  }
  return out += "]}";
}

std::string result_json(const ModelResult& r, std::uint64_t seed) {
  std::string out = fmt::format(R"({{"model":{},"seen":{},"ties":{},"seed":{},"users":{},)", quoted(r.model),
                                quoted(name_of(r.seen)), quoted(name_of(r.ties)), seed, r.users);
  if (r.seen_in_training) out += R"("seen_in_training":true,)";
  out += R"("metrics":{)";
  for (std::size_t m = 0; m < r.metrics.size(); ++m)
    out += fmt::format("{}{}:{}", m == 0 ? "" : ",", quoted(r.metrics[m].name),
                       estimate_json(r.metrics[m].estimate));
  return out += "}}";
}

std::string comparison_json(const Comparison& c, std::uint64_t seed) {
  return fmt::format(R"({{"model":{},"baseline":{},"metric":{},"seen":{},"ties":{},"seed":{},"users":{},)"
                     R"("difference":{},"low":{},"high":{},"beats":{}}})",
                     quoted(c.model), quoted(c.baseline), quoted(c.metric), quoted(name_of(c.seen)),
                     quoted(name_of(c.ties)), seed, c.users, number(c.difference.value),
                     number(c.difference.low), number(c.difference.high), c.beats());
}

/// "0.1234 [0.1200, 0.1270]", 23 columns.
std::string cell(const ModelResult& result, std::string_view name) {
  const auto* e = result.find(name);
  return e == nullptr ? std::string("-") : fmt::format("{:.4f} [{:.4f}, {:.4f}]", e->value, e->low, e->high);
}

}  // namespace

std::string to_json(const Report& report) {
  std::string out = "{\"protocol\":" + protocol_json(report) + ",\n\"results\":[";
  for (std::size_t i = 0; i < report.results.size(); ++i)
    out += (i == 0 ? "\n" : ",\n") + result_json(report.results[i], report.seed);
  out += "\n],\n\"comparisons\":[";
  for (std::size_t i = 0; i < report.comparisons.size(); ++i)
    out += (i == 0 ? "\n" : ",\n") + comparison_json(report.comparisons[i], report.seed);
  out += "\n],\n\"notes\":[";
  for (std::size_t i = 0; i < report.notes.size(); ++i) out += (i == 0 ? "" : ",") + quoted(report.notes[i]);
  return out + "]}\n";
}

std::string to_table(const Report& report) {
  std::string out;
  for (const SplitFacts& s : report.splits) {
    out +=
        fmt::format("Protocol {}, ties {}: {} users, {} items ranked, {} training events\n",
                    name_of(report.protocol.kind), name_of(s.ties), s.users, report.items, s.training_events);
    out += fmt::format("Targets never seen in training: {}; targets the user had before: {}\n",
                       s.unseen_targets, s.repeated_targets);
    if (s.users_without_history > 0)
      out += fmt::format("Users new in the test window, not asked before they have a history: {}\n", s.users_without_history);
    out += fmt::format("{:<11} {:<7} {:<23} {:<23} {:<23} {}\n", "model", "seen", "NDCG@10", "Recall@10",
                       "MRR@10", "cov@10");
    for (const ModelResult& r : report.results) {
      if (r.ties != s.ties) continue;
      const auto* coverage = r.find("coverage@10");
      out += fmt::format("{:<11.11} {:<7} {:<23} {:<23} {:<23} {:.3f}{}\n", r.model, name_of(r.seen),
                         cell(r, "ndcg@10"), cell(r, "recall@10"), cell(r, "mrr@10"),
                         coverage == nullptr ? 0.0 : coverage->value, r.seen_in_training ? "*" : "");
    }
    if (std::ranges::any_of(report.results, &ModelResult::seen_in_training))
      out += "* seen in training: not a measure of quality\n";
    out += '\n';
  }
  return out;
}

std::string summary(const Report& report) {
  if (report.results.empty() || report.splits.empty()) return "nothing was evaluated";
  const bool removed =
      std::ranges::any_of(report.results, [](const ModelResult& r) { return r.seen == Seen::removed; });
  const Seen seen = removed ? Seen::removed : Seen::kept;
  std::string out = "NDCG@10";
  std::size_t users = 0;
  for (const ModelResult& r : report.results) {
    if (r.seen != seen || r.ties != report.splits[0].ties || r.model == "dense" || r.model == "generator")
      continue;
    const auto* e = r.find("ndcg@10");
    out += fmt::format("{} {} {:.4f} [{:.4f}, {:.4f}]", users == 0 ? "" : ",", r.model, e->value, e->low,
                       e->high);
    users = r.users;
  }
  return out + fmt::format("; {} users, {}, all {} items ranked, seen items {}", users,
                           report.protocol.kind == Kind::time ? "global time cut" : "leave-last-out",
                           report.items, name_of(seen));
}

std::vector<std::string> sentences(const Report& report) {
  const bool has_subject =
      std::ranges::any_of(report.comparisons, [](const Comparison& c) { return c.model == "penchant"; });
  const bool both_ties = report.splits.size() > 1;
  std::vector<std::string> out;
  for (const Comparison& c : report.comparisons) {
    if (has_subject && c.model != "penchant") continue;
    const std::string where =
        fmt::format("{} users (seen items {}{})", c.users, name_of(c.seen),
                    both_ties ? fmt::format(", ties {}", name_of(c.ties)) : std::string());
    const auto& d = c.difference;
    if (c.seen_in_training)
      out.push_back(fmt::format("{} cannot be compared with {}: it saw the held-out events in training",
                                c.model, c.baseline));
    else if (c.beats())
      out.push_back(fmt::format("{} beats {} by {:.4f} [{:.4f}, {:.4f}] NDCG@10 over {}", c.model, c.baseline,
                                d.value, d.low, d.high, where));
    else
      out.push_back(fmt::format("{} does not beat {}: difference {:.4f} [{:.4f}, {:.4f}] NDCG@10 over {}",
                                c.model, c.baseline, d.value, d.low, d.high, where));
  }
  return out;
}

}  // namespace penchant::evaluate
