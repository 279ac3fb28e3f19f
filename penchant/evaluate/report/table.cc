#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "penchant/evaluate/report/report.h"
#include "penchant/evaluate/report/format.h"

namespace penchant::evaluate {
namespace {

/// '*' for the best, '=' for the next where both are level, else ' '.
char mark_of(const Report& report, const ModelResult& r, std::string_view metric) {
  const Winner* winner = find_winner(report, metric, r.seen, r.ties);
  if (winner == nullptr || winner->runner_up.empty()) return ' ';
  if (winner->model == r.model) return '*';
  return winner->runner_up == r.model && !winner->clear() ? '=' : ' ';
}

std::string cell(const Report& report, const ModelResult& r, std::string_view metric) {
  const Metric* m = find_metric(r.metrics, metric);
  if (m == nullptr) return "-";
  return mark_of(report, r, metric) + short_estimate(m->estimate, m->spread, report.seeds > 1);
}

/// Only the value: where seeds take the room.
std::string bare_cell(const Report& report, const ModelResult& r, std::string_view metric) {
  const Metric* m = find_metric(r.metrics, metric);
  return m == nullptr ? "-" : mark_of(report, r, metric) + short_number(m->estimate.value);
}

std::string seconds(double value) {
  return value < 9.95 ? fmt::format("{:.1f}", value) : fmt::format("{:.0f}", value);
}

void append_block(std::string& out, const Report& report, Seen seen, Ties ties) {
  const auto rows = ranked_results(report, seen, ties);
  if (rows.empty()) return;
  const bool seeds = report.seeds > 1;
  const int width = seeds ? 26 : 20;
  out += fmt::format("\nSeen items {}\n", name_of(seen));
  out += fmt::format("{:<18} {:<{}} {:<{}} {:<{}} {:>6} {:>7}\n", "model", " NDCG@10", width, " Recall@10", width,
                     " MRR@10", seeds ? 7 : 20, "cov@10", "fit s");
  for (const ModelResult* r : rows) {
    const auto* coverage = r->find("coverage@10");
    out += fmt::format("{:<18.18} {:<{}} {:<{}} {:<{}} {:>6} {:>7}\n", r->model + (r->seen_in_training ? "!" : ""),
                       cell(report, *r, "ndcg@10"), width, cell(report, *r, "recall@10"), width,
                       seeds ? bare_cell(report, *r, "mrr@10") : cell(report, *r, "mrr@10"), seeds ? 7 : 20,
                       coverage == nullptr ? "-" : fmt::format("{:.3f}", coverage->value), seconds(r->fit_seconds));
  }
}

}  // namespace

std::string to_table(const Report& report) {
  std::string out;
  for (const SplitFacts& s : report.splits) {
    out += fmt::format("Protocol {}, ties {}: {} users, {} items ranked, {} training events\n",
                       name_of(report.protocol.kind), name_of(s.ties), s.users, report.items, s.training_events);
    if (report.control != Control::none)
      out += fmt::format("Control {}: a gain that survives it is not explained by its mechanism\n",
                         name_of(report.control));
    if (s.users < s.users_to_ask)
      out += fmt::format("Drawn from {} users, seed {}\n", s.users_to_ask, report.seed);
    if (report.seeds > 1)
      out += fmt::format("Mean over {} seeds ± their standard deviation [95 % interval over users]\n", report.seeds);
    out += fmt::format("Targets never seen in training: {}; targets the user had before: {}\n", s.unseen_targets,
                       s.repeated_targets);
    if (s.users_without_history > 0)
      out += fmt::format("Users not asked because nothing comes before their targets: {}\n", s.users_without_history);
    for (const Seen seen : {Seen::kept, Seen::removed}) append_block(out, report, seen, s.ties);
    out += '\n';
  }
  const bool several = std::ranges::any_of(report.winners, [](const Winner& w) { return !w.runner_up.empty(); });
  if (several)
    out += "* best of its column   = next, and level with it: the interval of their difference holds 0\n";
  if (std::ranges::any_of(report.results, &ModelResult::seen_in_training))
    out += "! seen in training: not a measure of quality\n";
  return out;
}

std::string to_slice_table(const Report& report) {
  if (report.splits.empty()) return "";
  auto rows = ranked_results(report, shown_setting(report), report.splits[0].ties);
  if (rows.empty()) return "";
  rows.resize(std::min<std::size_t>(rows.size(), 3));
  std::string out = fmt::format("NDCG@10 by slice, seen items {}\n{:<28} {:>7}", name_of(shown_setting(report)), "", "users");
  for (const auto* r : rows) out += fmt::format("  {:<18.18}", r->model);
  out += '\n';
  for (std::size_t s = 0; s < rows[0]->slices.size(); ++s) {
    const SliceResult& slice = rows[0]->slices[s];
    if (slice.users == 0) continue;
    out += fmt::format("{:<28.28} {:>7}", slice.dimension + " " + slice.name, slice.users);
    for (const auto* r : rows) {
      const Metric* m = find_metric(r->slices[s].metrics, "ndcg@10");
      out += fmt::format("  {:<18}", m == nullptr ? "-" : short_estimate(m->estimate, 0, false));
    }
    while (out.ends_with(' ')) out.pop_back();
    out += '\n';
  }
  return out;
}

}  // namespace penchant::evaluate
