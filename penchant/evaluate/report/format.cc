#include "penchant/evaluate/report/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "penchant/catalog/time.h"

namespace penchant::evaluate {

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

std::string number(double value) { return std::isfinite(value) ? fmt::format("{}", value) : "null"; }

std::string short_number(double value) {
  std::string text = fmt::format("{:.4f}", value);
  if (text.starts_with("0.")) return text.substr(1);
  if (text.starts_with("-0.")) return text == "-0.0000" ? ".0000" : "-" + text.substr(2);
  return text;
}

std::string short_estimate(const metrics::Estimate& estimate, double spread, bool with_spread) {
  return fmt::format("{}{} [{} {}]", short_number(estimate.value),
                     with_spread ? "±" + short_number(spread) : std::string(), short_number(estimate.low),
                     short_number(estimate.high));
}

std::string signed_number(double value) { return (value >= 0 ? "+" : "") + short_number(value); }

std::string short_difference(const metrics::Estimate& estimate) {
  return fmt::format("{} [{} {}]", signed_number(estimate.value), signed_number(estimate.low), signed_number(estimate.high));
}

std::string named_estimate(std::string_view name, const metrics::Estimate& estimate) {
  return fmt::format("\"{}\":{{\"value\":{},\"low\":{},\"high\":{}}}", name, number(estimate.value), number(estimate.low), number(estimate.high));
}

std::string day_of(std::int64_t time_ms) { return catalog::format_time(time_ms).substr(0, 10); }

std::string metric_title(std::string_view name) {
  std::string title(name);
  if (title.starts_with("ndcg") || title.starts_with("mrr") || title == "ece")
    std::ranges::transform(title, title.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  else if (!title.empty())
    title[0] = static_cast<char>(title[0] - 32);
  return title;
}

std::string_view protocol_title(Kind kind) noexcept {
  switch (kind) {
    case Kind::last_out: return "leave-last-out";
    case Kind::time: return "global time cut";
    case Kind::cold: return "cold items";
    case Kind::windows: return "windows after a cut";
    case Kind::given: return "split of the data";
  }
  return "";
}

Seen shown_setting(const Report& report) noexcept {
  const bool removed = std::ranges::any_of(report.results, [](const auto& r) { return r.seen == Seen::removed; });
  return removed ? Seen::removed : Seen::kept;
}

std::vector<const ModelResult*> ranked_results(const Report& report, Seen seen, Ties ties) {
  std::vector<const ModelResult*> rows;
  for (const auto& result : report.results)
    if (result.seen == seen && result.ties == ties) rows.push_back(&result);
  std::ranges::stable_sort(rows, [](const auto* a, const auto* b) {
    const auto *left = a->find("ndcg@10"), *right = b->find("ndcg@10");
    return left != nullptr && right != nullptr && left->value > right->value;
  });
  return rows;
}

const Winner* find_winner(const Report& report, std::string_view metric, Seen seen, Ties ties) noexcept {
  for (const auto& winner : report.winners)
    if (winner.metric == metric && winner.seen == seen && winner.ties == ties) return &winner;
  return nullptr;
}

const Metric* find_metric(const std::vector<Metric>& metrics, std::string_view name) noexcept {
  const auto found = std::ranges::find(metrics, name, &Metric::name);
  return found == metrics.end() ? nullptr : &*found;
}

}  // namespace penchant::evaluate
