// The result of the search protocol as JSON, as a table, and in words.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "penchant/evaluate/search/run.h"

namespace penchant::evaluate {
namespace {

constexpr std::size_t kNamesShown = 5;

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') (out += '\\') += c;
    else if (static_cast<unsigned char>(c) < 0x20) out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else out += c;
  }
  return out += '"';
}

std::string number(double value) { return std::isfinite(value) ? fmt::format("{}", value) : "null"; }
std::string_view name_of(Judged candidates) { return candidates == Judged::full ? "all items" : "judged items"; }

std::string cell(const metrics::Estimate& e) { return fmt::format("{:.4f} [{:.4f}, {:.4f}]", e.value, e.low, e.high); }

}  // namespace

std::string to_json(const SearchReport& r) {
  std::string out = fmt::format(
      R"({{"protocol":{{"split":"search","items":{},"queries":{},"judged_pairs":{},"relevant_grade":{},)"
      R"("gain":"2^max(grade - zero, 0) - 1","zero_grade":{},"tied_scores":"worst order",)"
      R"("interval":{{"method":"percentile bootstrap over queries","level":0.95,"resamples":{},"seed":{}}},)"
      R"("left_out":{{"why":"no item of the relevant grade","queries":[)",
      r.items, r.queries, r.pairs, number(r.options.gains.relevant), number(r.options.gains.zero_grade),
      r.options.resamples, r.options.seed);
  for (std::size_t i = 0; i < r.left_out.size(); ++i) out += (i == 0 ? "" : ",") + quoted(r.left_out[i]);
  out += "]}},\"results\":[";
  for (std::size_t i = 0; i < r.results.size(); ++i) {
    const SearchResult& result = r.results[i];
    out += fmt::format(R"({}{{"model":{},"candidates":{},"queries":{},"judged_found":{},"metrics":{{)", i == 0 ? "" : ",",
                       quoted(result.model), quoted(name_of(result.candidates)), r.queries, number(result.found));
    for (std::size_t m = 0; m < result.values.size(); ++m)
      out += fmt::format(R"({}{}:{{"value":{},"low":{},"high":{}}})", m == 0 ? "" : ",", quoted(kSearchMetrics[m]),
                         number(result.values[m].value), number(result.values[m].low), number(result.values[m].high));
    out += "}}";
  }
  out += "],\"comparisons\":[";
  for (std::size_t i = 0; i < r.comparisons.size(); ++i) {
    const SearchComparison& c = r.comparisons[i];
    out += fmt::format(R"({}{{"model":{},"baseline":{},"metric":{},"candidates":{},"queries":{},"difference":{},)"
                       R"("low":{},"high":{},"beats":{}}})",
                       i == 0 ? "" : ",", quoted(c.model), quoted(c.other), quoted(c.metric),
                       quoted(name_of(c.candidates)), r.queries, number(c.difference.value), number(c.difference.low),
                       number(c.difference.high), c.beats());
  }
  return out + "]}";
}

std::string to_table(const SearchReport& r) {
  std::size_t width = 5;
  for (const auto& result : r.results) width = std::max(width, result.model.size());
  std::string out = fmt::format("{} queries, {} judged pairs, {} items; relevant: grade {} or more; 95 % intervals over queries\n",
                                r.queries, r.pairs, r.items, r.options.gains.relevant);
  out += fmt::format("\n{:<{}}  {:<12}", "model", width, "ranked");
  for (const auto name : kSearchMetrics) out += fmt::format("  {:<23}", name);
  out += "  found\n";
  for (const auto& result : r.results) {
    out += fmt::format("{:<{}}  {:<12}", result.model, width, name_of(result.candidates));
    for (const auto& e : result.values) out += fmt::format("  {:<23}", cell(e));
    out += fmt::format("  {:.1f} %\n", 100 * result.found);
  }
  return out;
}

std::vector<std::string> sentences(const SearchReport& r) {
  std::vector<std::string> out;
  for (const SearchComparison& c : r.comparisons) {
    const auto& d = c.difference;
    const bool less = d.high < 0;
    const std::string_view first = less ? c.other : c.model, second = less ? c.model : c.other;
    const std::string among = c.candidates == Judged::full ? "among all items" : "among judged items only";
    if (d.low > 0 || less)
      out.push_back(fmt::format("{} beats {} {}: NDCG@10 {:+.4f} [{:+.4f}, {:+.4f}].", first, second, among,
                                less ? -d.value : d.value, less ? -d.high : d.low, less ? -d.low : d.high));
    else
      out.push_back(fmt::format("{} and {} cannot be told apart {}: NDCG@10 {:+.4f} [{:+.4f}, {:+.4f}].", first, second,
                                among, d.value, d.low, d.high));
  }
  if (!r.left_out.empty()) {
    std::string names;
    for (std::size_t i = 0; i < std::min(kNamesShown, r.left_out.size()); ++i)
      names += (i == 0 ? "" : ", ") + quoted(r.left_out[i]);
    out.push_back(fmt::format("{} quer{} without an item of grade {} or more left out: {}{}.", r.left_out.size(),
                              r.left_out.size() == 1 ? "y" : "ies", r.options.gains.relevant, names,
                              r.left_out.size() > kNamesShown ? ", … (all in the JSON)" : ""));
  }
  return out;
}

}  // namespace penchant::evaluate
