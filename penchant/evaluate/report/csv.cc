#include <fmt/format.h>

#include <cmath>

#include "penchant/evaluate/report/report.h"

namespace penchant::evaluate {
namespace {

std::string field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

/// What all rows of one result begin with, and the rows of one list of metrics.
void append_rows(std::string& out, const std::string& begin, std::string_view dimension, std::string_view slice,
                 std::size_t users, const std::vector<Metric>& metrics) {
  for (const Metric& m : metrics)
    out += fmt::format("{},{},{},{},{},{},{},{},{}\n", begin, field(m.name), field(dimension), field(slice), users,
                       m.estimate.value, m.estimate.low, m.estimate.high, m.spread);
}

void append_result(std::string& out, const Report& report, const ModelResult& r) {
  const std::string begin =
      fmt::format("{},{},{},{},{},{}", field(r.model), r.baseline ? 1 : 0, name_of(report.protocol.kind),
                  name_of(r.seen), name_of(r.ties), r.seeds > 1 ? "all" : std::to_string(r.seed));
  append_rows(out, begin, "", "", r.users, r.metrics);
  for (const auto& slice : r.slices) append_rows(out, begin, slice.dimension, slice.name, slice.users, slice.metrics);
}

}  // namespace

std::string to_csv(const Report& report) {
  std::string out = "model,baseline,protocol,seen,ties,seed,metric,dimension,slice,users,value,low,high,spread\n";
  for (const auto& result : report.results) append_result(out, report, result);
  for (const auto& result : report.by_seed) append_result(out, report, result);
  return out;
}

}  // namespace penchant::evaluate
