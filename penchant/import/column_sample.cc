#include "penchant/import/column_sample.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "penchant/catalog/text_form.h"
#include "penchant/catalog/time.h"
#include "penchant/import/file_plan.h"

namespace penchant::import {
namespace {

std::uint64_t hash_of(std::string_view text) { return std::hash<std::string_view>{}(text) | 1; }

void count_text(std::string_view text, ColumnFigures& out) {
  double number = 0;
  if (catalog::parse_number(text, number)) {
    ++out.numbers;
    out.max = out.numbers == 1 ? number : std::max(out.max, number);
    out.whole += std::nearbyint(number) == number ? 1 : 0;
    out.dot_zero += text.ends_with(".0") ? 1 : 0;
    out.leading_zero += text.size() > 1 && text[0] == '0' && text[1] != '.' ? 1 : 0;
  }
  out.pipes += text.find('|') != std::string_view::npos ? 1 : 0;
  out.commas += text.find(", ") != std::string_view::npos ? 1 : 0;
  out.semicolons += text.find(';') != std::string_view::npos ? 1 : 0;
  out.bytes += text.size();
  if (out.filled <= 200 && catalog::parse_time_ms(text).ok()) ++out.times;
  if (out.example.empty()) out.example = catalog::quoted_for_message(text, 40);
}

std::uint64_t count_cell(const Cell& cell, ColumnFigures& out) {
  std::string made;
  std::string_view text;
  if (cell.kind == CellKind::text) {
    text = trim(cell.text);
    if (is_missing(text)) return 0;
    ++out.filled;
    count_text(text, out);
  } else if (cell.kind == CellKind::number) {
    ++out.filled;
    made = catalog::number_text(cell.number);
    text = made;
    count_text(text, out);
  } else {
    ++out.filled;
    out.flags += cell.kind == CellKind::flag ? 1 : 0;
    out.lists += cell.kind == CellKind::list ? 1 : 0;
    out.vectors += cell.kind == CellKind::vector ? 1 : 0;
    made = cell.kind == CellKind::flag     ? (cell.number != 0 ? "true" : "false")
           : cell.kind == CellKind::vector ? std::to_string(cell.vector.size()) + " numbers"
                                           : "";
    for (const auto& part : cell.list) made.append(made.empty() ? "" : ", ").append(part);
    if (out.example.empty()) out.example = catalog::quoted_for_message(made, 40);
    text = made;
  }
  const std::uint64_t hash = hash_of(text);
  if (out.values.size() < kSampleRows) ++out.values[hash];
  return hash;
}

}  // namespace

Result<Sample> sample_rows(RowReader& reader) {
  Sample out;
  Row row;
  while (out.rows.size() < kSampleRows) {
    auto more = reader.next(row);
    if (!more.ok()) {
      if (out.rows.empty()) return std::move(more).error();
      out.problem = more.error().message;
      break;
    }
    if (!*more) break;
    if (!row.reject.empty()) continue;
    if (out.figures.size() < reader.columns().size()) out.figures.resize(reader.columns().size());
    auto& hashes = out.rows.emplace_back();
    for (std::size_t i = 0; i < row.used; ++i) {
      const Cell& cell = row.cells[i];
      const std::uint64_t hash = count_cell(cell, out.figures[cell.column]);
      if (cell.column >= kHashedColumns) continue;
      if (hashes.size() <= cell.column) hashes.resize(cell.column + 1, 0);
      hashes[cell.column] = hash;
    }
  }
  out.columns = reader.columns();
  out.figures.resize(out.columns.size());
  return out;
}

double settles(const Sample& sample, std::size_t key, std::size_t value) {
  std::unordered_map<std::uint64_t, std::uint64_t> first;
  std::uint64_t agree = 0, compared = 0;
  for (const auto& row : sample.rows) {
    if (row.size() <= key || row.size() <= value || row[key] == 0 || row[value] == 0) continue;
    const auto [found, added] = first.emplace(row[key], row[value]);
    if (added) continue;
    ++compared;
    agree += found->second == row[value] ? 1 : 0;
  }
  if (compared < 10) return -1;
  double chance = 0;
  const auto& figures = sample.figures[value];
  for (const auto& [hash, rows] : figures.values) {
    const double p = figures.share(rows);
    chance += p * p;
  }
  if (chance > 0.999) return 0;
  return (static_cast<double>(agree) / static_cast<double>(compared) - chance) / (1 - chance);
}

}  // namespace penchant::import
