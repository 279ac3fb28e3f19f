#include <boost/json.hpp>
#include <cstdio>

#include "penchant/catalog/text_form.h"
#include "penchant/import/import.h"

namespace penchant::import {
namespace {

namespace bj = boost::json;

bj::string text(std::string_view s) { return bj::string(s.data(), s.size()); }

std::string seconds_text(double seconds) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.1f s", seconds);
  return buffer;
}

std::string rate(const FileReport& file) {
  if (file.seconds < 0.05 || file.rows == 0) return {};
  return ", " + std::to_string(static_cast<long long>(static_cast<double>(file.rows) / file.seconds)) +
         " rows/s";
}

/// Wraps at spaces so that no line passes 100 columns; later lines are indented by `indent`.
void wrap(std::string& out, std::string line, std::size_t indent) {
  constexpr std::size_t kWidth = 100;
  while (line.size() > kWidth) {
    std::size_t at = line.rfind(' ', kWidth);
    if (at == std::string::npos || at <= indent + 1) at = catalog::cut_utf8(line, kWidth).size();
    out.append(line, 0, at).append("\n");
    line = std::string(indent, ' ') + line.substr(line[at] == ' ' ? at + 1 : at);
  }
  out.append(line).append("\n");
}

void add_columns(std::string& out, const FileReport& file) {
  constexpr std::size_t kShown = 24;
  std::size_t shown = 0;
  for (const auto& column : file.columns) {
    if (++shown > kShown) {
      out.append("    … and " + std::to_string(file.columns.size() - kShown) + " more columns\n");
      return;
    }
    std::string line = "    ";
    line.append(column.field).append(column.field.size() < 17 ? 17 - column.field.size() : 0, ' ');
    line.append(" <- ").append(catalog::quoted_for_message(column.column, 28));
    if (!column.example.empty())
      line.append("  e.g. ").append(catalog::quoted_for_message(column.example, 24));
    if (!column.note.empty()) line.append("  (").append(column.note).append(")");
    wrap(out, line, 24);
  }
}

}  // namespace

std::string to_table(const ImportReport& report) {
  std::string out;
  for (const auto& file : report.files) {
    wrap(out, file.path, 2);
    std::string line = "  " + file.role + (file.format.empty() ? "" : " from " + file.format);
    if (file.role != "skipped") {
      line += ": " + std::to_string(file.rows) + " rows, " + std::to_string(file.kept) + " kept";
      if (file.duplicates > 0)
        line += file.role == "events"
                    ? ", " + std::to_string(file.duplicates) + " already stored"
                    : ", " + std::to_string(file.duplicates) + " named again (the last wins)";
      line += rate(file);
    }
    wrap(out, line, 4);
    add_columns(out, file);
    for (const auto& note : file.notes) wrap(out, "    note: " + note, 10);
    for (const auto& [reason, rows] : file.rejected)
      wrap(out, "    rejected: " + std::to_string(rows) + "  " + reason, 14);
    if (!file.problem.empty())
      wrap(out, std::string(file.role == "skipped" ? "    skipped: " : "    problem: ") + file.problem, 13);
  }
  std::string total = report.dry_run ? "Dry run, nothing written: " : "Imported ";
  total += std::to_string(report.items) + " items, " + std::to_string(report.users) + " users, " +
           std::to_string(report.events) + " events";
  if (report.duplicate_events > 0)
    total += " (" + std::to_string(report.duplicate_events) + " already there)";
  if (report.created_items + report.created_users > 0)
    total += "; from events only: " + std::to_string(report.created_items) + " items, " +
             std::to_string(report.created_users) + " users";
  total += "; " + std::to_string(report.rejected) + " rows rejected";
  if (!report.rejects_path.empty()) total += " (see " + report.rejects_path + ")";
  total += "; " + seconds_text(report.seconds) + ".";
  wrap(out, total, 2);
  if (report.time_kind == "position") wrap(out, "Times are positions: an order, not a clock.", 2);
  if (report.time_kind == "since_first") wrap(out, "Times count from each user's first event.", 2);
  return out;
}

std::string to_json(const ImportReport& report) {
  bj::array files;
  for (const auto& file : report.files) {
    bj::object entry{{"path", text(file.path)}, {"format", text(file.format)},
                     {"role", text(file.role)}, {"rows", file.rows},
                     {"kept", file.kept},       {"duplicates", file.duplicates},
                     {"seconds", file.seconds}, {"problem", text(file.problem)}};
    bj::array columns, notes;
    for (const auto& column : file.columns)
      columns.push_back(bj::object{{"field", text(column.field)},
                                   {"column", text(column.column)},
                                   {"note", text(column.note)},
                                   {"example", text(column.example)}});
    for (const auto& note : file.notes) notes.push_back(text(note));
    bj::object rejected;
    for (const auto& [reason, rows] : file.rejected) rejected[reason] = rows;
    entry["columns"] = std::move(columns);
    entry["notes"] = std::move(notes);
    entry["rejected"] = std::move(rejected);
    files.push_back(std::move(entry));
  }
  bj::object out{{"dry_run", report.dry_run},
                 {"items", report.items},
                 {"users", report.users},
                 {"events", report.events},
                 {"duplicate_events", report.duplicate_events},
                 {"created_items", report.created_items},
                 {"created_users", report.created_users},
                 {"rejected", report.rejected},
                 {"time_kind", text(report.time_kind)},
                 {"rejects_path", text(report.rejects_path)},
                 {"seconds", report.seconds}};
  out["files"] = std::move(files);
  return bj::serialize(out);
}

}  // namespace penchant::import
