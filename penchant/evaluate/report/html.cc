#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>

#include "penchant/evaluate/report/report.h"
#include "penchant/evaluate/report/format.h"
#include "penchant/evaluate/report/plot.h"

namespace penchant::evaluate {
namespace {

constexpr std::size_t kSeries = 4;  ///< models with a colour of their own

constexpr std::string_view kStyle = R"(
:root{color-scheme:light dark;--page:#fcfcfb;--panel:#ffffff;--ink:#1b1d21;--soft:#5b616b;--rule:#e3e4e6;--grid:#ececee;
--neutral:#9aa0a8;--s1:#2a63c4;--s2:#c2571a;--s3:#1a8a6b;--s4:#8a4bb8;--band:#2a63c41c;--s5:var(--ink)}
@media (prefers-color-scheme:dark){:root{--page:#16181b;--panel:#1d2024;--ink:#e8e9eb;--soft:#a0a6af;--rule:#33373d;--grid:#2a2e33;
--neutral:#757c86;--s1:#7aa7f5;--s2:#f0935a;--s3:#4fc9a4;--s4:#c493ea;--band:#7aa7f526;--s5:var(--ink)}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1160px;padding:28px 24px 60px;background:var(--page);color:var(--ink);
font:15px/1.5 system-ui,"Segoe UI",Roboto,"Noto Sans",sans-serif}
h1{font-size:25px;line-height:1.2;margin:0 0 4px}h2{font-size:18px;margin:36px 0 10px;padding-top:14px;border-top:1px solid var(--rule)}
p{margin:6px 0;max-width:80ch}.soft{color:var(--soft)}ul{margin:10px 0 4px;padding-left:20px;max-width:92ch}li{margin:4px 0}
.plots{display:grid;align-items:start;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:16px}
figure{margin:0;padding:14px 16px 10px;background:var(--panel);border:1px solid var(--rule);border-radius:8px}
figcaption{font-weight:600;font-size:14px;margin-bottom:6px}svg{display:block;width:100%;height:auto}
svg text{font:12px system-ui,"Segoe UI",Roboto,"Noto Sans",sans-serif;fill:var(--soft)}
svg .label,svg .value,svg .strong{fill:var(--ink)}svg .faint{fill:var(--soft)}svg .end{text-anchor:end}svg .middle{text-anchor:middle}
svg .value{font-variant-numeric:tabular-nums}svg .grid{stroke:var(--grid)}svg .dot{stroke:var(--panel);stroke-width:1.5}svg .zero{stroke:var(--soft)}svg .band{fill:var(--band)}
.key{display:flex;flex-wrap:wrap;gap:6px 18px;margin:0 0 10px;font-size:13px}.key span::before{content:"";display:inline-block;
width:10px;height:10px;border-radius:5px;margin-right:7px;background:var(--c)}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:13.5px;min-width:100%}
th,td{text-align:right;padding:5px 8px;border-bottom:1px solid var(--rule);white-space:nowrap;font-variant-numeric:tabular-nums}
th{color:var(--soft);font-weight:600}th:first-child,td:first-child{text-align:left}td small{color:var(--soft)}
td.best{font-weight:700}.tag{font-size:11.5px;color:var(--soft);margin-left:6px}
)";

std::string anchor_title(const Report& report, Seen seen, Ties ties) {
  return fmt::format("Seen items {}{}", name_of(seen),
                     report.splits.size() > 1 ? fmt::format(", ties {}", name_of(ties)) : std::string());
}

/// Colours of the best models of a setting; everything else is neutral.
std::size_t colour_of(const std::vector<const ModelResult*>& rows, const ModelResult* r) {
  const auto place = static_cast<std::size_t>(std::ranges::find(rows, r) - rows.begin());
  return place < kSeries ? place + 1 : 0;
}

std::string key_of(const std::vector<const ModelResult*>& rows) {
  std::string out = "<div class=\"key\">";
  for (std::size_t r = 0; r < std::min(kSeries, rows.size()); ++r)
    out += fmt::format("<span style=\"--c:var(--s{})\">{}</span>", r + 1, escaped(rows[r]->model));
  if (rows.size() > kSeries) out += "<span style=\"--c:var(--neutral)\">others</span>";
  return out + "</div>";
}

std::string metric_plot(const std::vector<const ModelResult*>& rows, std::string_view metric) {
  IntervalPlot plot{.title = metric_title(metric), .rows = {}};
  for (const auto* r : rows)
    if (const Metric* m = find_metric(r->metrics, metric))
      plot.rows.push_back({r->model, m->estimate, colour_of(rows, r),
                           r->seeds > 1 ? fmt::format("spread over seeds {:.4f}", m->spread) : ""});
  return interval_plot(plot);
}

std::string recall_plot(const std::vector<const ModelResult*>& rows) {
  std::vector<Curve> curves;
  for (std::size_t r = 0; r < std::min<std::size_t>(rows.size(), 8); ++r) {
    Curve curve{rows[r]->model, {}, colour_of(rows, rows[r])};
    for (const char* name : {"recall@5", "recall@10", "recall@20"})
      if (const auto* e = rows[r]->find(name)) curve.points.push_back(*e);
    if (curve.points.size() == 3) curves.push_back(std::move(curve));
  }
  return curve_plot("Recall over the length of the list", {"5", "10", "20"}, curves);
}

std::string difference_plots(const Report& report, Seen seen, Ties ties) {
  std::map<std::string, IntervalPlot> plots;
  std::vector<std::string> order;
  for (const Comparison& c : report.comparisons) {
    if (c.seen != seen || c.ties != ties || c.seen_in_training) continue;
    const std::string title = c.asked ? "… minus " + c.baseline + ", NDCG@10" : c.model + " minus …, NDCG@10";
    auto [at, is_new] = plots.try_emplace(title);
    if (is_new) {
      order.push_back(title);
      at->second = {.title = title, .rows = {}, .around_zero = true, .margin = c.margin};
    }
    at->second.rows.push_back({c.asked ? c.model : c.baseline, c.difference, c.beats() || c.difference.high < 0 ? 5U : 0U,
                               c.beats() ? "beats it" : c.level() ? "level" : "does not beat it"});
  }
  std::string out;
  for (const auto& title : order) {
    auto& plot = plots[title];
    std::ranges::stable_sort(plot.rows, [](const auto& a, const auto& b) { return a.estimate.value < b.estimate.value; });
    out += interval_plot(plot);
  }
  return out;
}

std::string dimension_title(std::string_view name) {
  if (name == "item-frequency") return "by training events of the item";
  if (name == "user") return "by users new to training or known";
  if (name == "history-length") return "by length of the history";
  if (name == "item-age") return "by age of the item at the request";
  return "by group of the protocol";
}

std::string slice_plots(const std::vector<const ModelResult*>& rows) {
  std::string out;
  std::vector<std::string> series;
  for (std::size_t r = 0; r < std::min(kSeries, rows.size()); ++r) series.push_back(rows[r]->model);
  const auto& slices = rows[0]->slices;
  for (std::size_t s = 0; s < slices.size();) {
    const std::string dimension = slices[s].dimension;
    std::vector<SliceColumn> columns;
    for (; s < slices.size() && slices[s].dimension == dimension; ++s) {
      if (slices[s].users == 0) continue;
      SliceColumn column{slices[s].name, fmt::format("{} users", slices[s].users), {}};
      for (std::size_t r = 0; r < series.size(); ++r) {
        const Metric* m = find_metric(rows[r]->slices[s].metrics, "ndcg@10");
        column.values.push_back(m != nullptr ? m->estimate : metrics::Estimate{std::numeric_limits<double>::quiet_NaN(), 0, 0});
      }
      columns.push_back(std::move(column));
    }
    if (columns.size() > 1) out += slice_plot("NDCG@10 " + dimension_title(dimension), columns, series);
  }
  return out;
}

std::string cell(const Metric* m, bool best, bool with_spread) {
  if (m == nullptr) return "<td>–</td>";
  return fmt::format("<td{}>{}{}<br><small>{} to {}</small></td>", best ? " class=\"best\"" : "",
                     short_number(m->estimate.value), with_spread ? " ± " + short_number(m->spread) : std::string(),
                     short_number(m->estimate.low), short_number(m->estimate.high));
}

std::string plain_cell(const Metric* m) {
  return m == nullptr ? "<td>–</td>"
                      : m->name == "popularity@10" || m->name == "novelty@10"
                            ? fmt::format("<td>{:.1f}</td>", m->estimate.value)
                            : fmt::format("<td>{:.3f}</td>", m->estimate.value);
}

std::string tables(const Report& report, const std::vector<const ModelResult*>& rows) {
  constexpr std::array<const char*, 9> kAccuracy{"ndcg@5",  "ndcg@10", "ndcg@20", "recall@5", "recall@10",
                                                 "recall@20", "mrr@5",   "mrr@10",  "mrr@20"};
  std::string out = "<div class=\"wide\"><table><thead><tr><th>model</th>";
  for (const char* name : kAccuracy) out += "<th>" + metric_title(name) + "</th>";
  out += "</tr></thead><tbody>";
  for (const auto* r : rows) {
    out += "<tr><td>" + escaped(r->model) + (r->seen_in_training ? "<span class=\"tag\">seen in training</span>" : "") + "</td>";
    for (const char* name : kAccuracy) {
      const Winner* winner = find_winner(report, name, r->seen, r->ties);
      out += cell(find_metric(r->metrics, name), winner != nullptr && winner->model == r->model, report.seeds > 1);
    }
    out += "</tr>";
  }
  out += "</tbody></table></div><h3>Beside accuracy</h3><div class=\"wide\"><table><thead><tr><th>model</th>";
  std::vector<const char*> beside;  // what was measured
  for (const char* name : {"coverage@10", "gini@10", "popularity@10", "novelty@10", "diversity@10", "ece"})
    if (std::ranges::any_of(rows, [&](const auto* r) { return r->find(name) != nullptr; })) beside.push_back(name);
  for (const char* name : beside) out += "<th>" + metric_title(name) + "</th>";
  out += "<th>fit, s</th><th>score, s</th></tr></thead><tbody>";
  for (const auto* r : rows) {
    out += "<tr><td>" + escaped(r->model) + "</td>";
    for (const char* name : beside) out += plain_cell(find_metric(r->metrics, name));
    out += fmt::format("<td>{:.1f}</td><td>{:.1f}</td></tr>", r->fit_seconds, r->score_seconds);
  }
  return out + "</tbody></table></div>";
}

std::string facts(const Report& report) {
  const SplitFacts& s = report.splits[0];
  std::string out = fmt::format("{} users{}, all {} items ranked, {} training events, ties {}.", s.users,
                                s.users < s.users_to_ask ? fmt::format(" drawn from {}", s.users_to_ask) : std::string(),
                                report.items, s.training_events, name_of(s.ties));
  out += fmt::format(" Whiskers: 95 % intervals, {} bootstrap resamples over users.", report.resamples);
  if (report.seeds > 1) out += fmt::format(" Means over {} seeds.", report.seeds);
  if (report.control != Control::none)
    out += fmt::format(" Control: {}. A gain that survives it is not explained by its mechanism.", name_of(report.control));
  return out;
}

}  // namespace

std::string to_html(const Report& report) {
  std::string out = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Evaluation</title><style>";
  out += kStyle;
  out += "</style></head><body>";
  if (report.results.empty() || report.splits.empty()) return out + "<h1>Nothing was evaluated</h1></body></html>\n";
  out += fmt::format("<h1>Evaluation: {}</h1><p class=\"soft\">{}</p><ul>", protocol_title(report.protocol.kind),
                     escaped(facts(report)));
  for (const auto& sentence : sentences(report)) out += "<li>" + escaped(sentence) + "</li>";
  out += "</ul>";
  for (const SplitFacts& split : report.splits)
    for (const Seen seen : {Seen::removed, Seen::kept}) {
      const auto rows = ranked_results(report, seen, split.ties);
      if (rows.empty()) continue;
      out += "<h2>" + escaped(anchor_title(report, seen, split.ties)) + "</h2>" + key_of(rows) + "<div class=\"plots\">";
      for (const char* metric : {"ndcg@10", "recall@10"}) out += metric_plot(rows, metric);
      out += recall_plot(rows) + slice_plots(rows) + difference_plots(report, seen, split.ties) + "</div>";
      out += "<h3>All figures</h3>" + tables(report, rows);
    }
  if (!report.notes.empty()) {
    out += "<h2>Notes</h2><ul>";
    for (const auto& note : report.notes) out += "<li>" + escaped(note) + "</li>";
    out += "</ul>";
  }
  return out + "</body></html>\n";
}

}  // namespace penchant::evaluate
