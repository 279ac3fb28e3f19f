#include <algorithm>
#include <set>

#include "penchant/catalog/text_form.h"
#include "penchant/import/line_buffer.h"
#include "penchant/import/row_reader.h"

namespace penchant::import {
namespace {

/// After so many quotes that never close, a quote no longer spans lines in this file: a hostile
/// file cannot make every line scan to the end.
constexpr int kMaxRunaways = 8;

/// Follows quotes through a record, line by line.
struct QuoteScan {
  std::string_view delimiter;
  std::size_t at = 0;
  bool open = false, cell_start = true;

  void run(std::string_view text) {
    while (at < text.size()) {
      const char c = text[at];
      if (open) {
        if (c == '"') {
          if (at + 1 < text.size() && text[at + 1] == '"')
            ++at;
          else
            open = false;
        }
        ++at;
        continue;
      }
      if (c == '"' && cell_start) {
        open = true;
        cell_start = false;
        ++at;
      } else if (text.substr(at).starts_with(delimiter)) {
        cell_start = true;
        at += delimiter.size();
      } else {
        cell_start = false;
        ++at;
      }
    }
  }
};

class DelimitedReader final : public RowReader {
 public:
  DelimitedReader(std::unique_ptr<ByteSource> source, DelimitedFormat format, std::string path)
      : lines_(std::move(source)), format_(std::move(format)), path_(std::move(path)) {}

  Status start() {
    PENCHANT_TRY(end, lines_.line_end(0, kMaxRecordBytes));
    if (end != std::string::npos && lines_.bytes(end).starts_with("\xEF\xBB\xBF")) lines_.consume(3);
    for (const auto& name : format_.names) columns_.push_back({name, ""});
    return columns_.empty() && format_.header ? read_header() : Status();
  }

  Result<bool> next(Row& row) override {
    for (;;) {
      PENCHANT_TRY(more, read_record(row));
      if (!more) return false;
      if (!row.raw.empty() || !row.reject.empty()) return true;  // else a blank line
    }
  }
  [[nodiscard]] const std::vector<Column>& columns() const override { return columns_; }
  [[nodiscard]] std::uint64_t bytes_read() const override { return lines_.consumed_on_disk(); }

 private:
  Status read_header() {
    Row row;
    PENCHANT_TRY(more, next(row));
    if (!more) return invalid(path_ + ": empty");
    if (!row.reject.empty()) return invalid(path_ + ": row 1: " + row.reject);
    if (row.used > kMaxColumns)
      return invalid(path_ + ": " + std::to_string(row.used) + " columns; at most " +
                     std::to_string(kMaxColumns));
    std::set<std::string> taken;
    for (std::size_t i = 0; i < row.used; ++i) {
      Column column{std::string(catalog::cut_utf8(row.cells[i].text, 200)), ""};
      const auto colon = column.name.rfind(':');
      if (format_.typed_header && colon != std::string::npos) {
        column.declared = column.name.substr(colon + 1);
        column.name.resize(colon);
      }
      if (column.name.empty()) column.name = "#" + std::to_string(i + 1);
      const std::string base = column.name;
      for (int k = 2; !taken.insert(column.name).second; ++k) column.name = base + "_" + std::to_string(k);
      columns_.push_back(std::move(column));
    }
    return {};
  }

  /// One record: a line, or several when a quoted cell holds line breaks.
  Result<bool> read_record(Row& row) {
    lines_.consume(pending_);
    line_ += pending_lines_;
    pending_ = pending_lines_ = 0;
    row.used = 0;
    row.reject.clear();
    row.number = line_;
    PENCHANT_TRY(end, lines_.line_end(0, kMaxRecordBytes));
    if (end == std::string::npos) return skip_long_line(row);
    if (lines_.available() == 0) return false;
    take(end, 1);
    std::string_view text = without_return(lines_.bytes(end));
    if (!format_.quotes || text.find('"') == std::string_view::npos) {
      fill(row, text);
      return true;
    }
    QuoteScan scan{format_.delimiter};
    scan.run(text);
    std::uint64_t lines = 1;
    std::size_t last = end;
    while (scan.open && runaways_ < kMaxRunaways && last < lines_.available()) {
      PENCHANT_TRY(next_end, lines_.line_end(last + 1, kMaxRecordBytes));
      if (next_end == std::string::npos) break;
      last = next_end;
      ++lines;
      scan.run(without_return(lines_.bytes(last)));
    }
    if (!scan.open) {
      fill(row, without_return(lines_.bytes(last)));
      if (lines == 1 || (row.reject.empty() && !stray_)) {
        take(last, lines);
        return true;
      }
    }
    // The quote ran away over rows that are none of its business: give up its first line only.
    ++runaways_;
    row.used = 0;
    row.reject = "unclosed quote";
    row.raw = without_return(lines_.bytes(end));
    return true;
  }

  void take(std::size_t end, std::uint64_t lines) {
    pending_ = std::min(end + 1, lines_.available());
    pending_lines_ = lines;
  }

  static std::string_view without_return(std::string_view text) {
    if (text.ends_with('\r')) text.remove_suffix(1);
    return text;
  }

  Result<bool> skip_long_line(Row& row) {
    kept_raw_ = lines_.bytes(1024);
    for (;;) {
      lines_.consume(lines_.available());
      PENCHANT_TRY(end, lines_.line_end(0, kMaxRecordBytes));
      if (end == std::string::npos) continue;
      take(end, 1);
      break;
    }
    row.reject = "longer than 32 MiB";
    row.raw = kept_raw_;
    return true;
  }

  void fill(Row& row, std::string_view text) {
    row.raw = text;
    row.used = 0;
    if (text.find('\0') != std::string_view::npos) {
      row.reject = "binary data";
      return;
    }
    if (format_.latin1) {
      decoded_ = catalog::latin1_to_utf8(text);
      row.raw = text = decoded_;
    } else if (!catalog::valid_utf8(text)) {
      row.reject = "not valid UTF-8";
      return;
    }
    split(text, row);
    if (!columns_.empty() && row.used != columns_.size() && !text.empty())
      row.reject = "wrong number of columns";
  }

  void split(std::string_view text, Row& row) {
    const std::string_view delimiter = format_.delimiter;
    stray_ = false;
    unquoted_.clear();
    unquoted_.reserve(text.size());  // so that views into it stay
    std::size_t at = 0;
    for (;;) {
      Cell& cell = row.add(static_cast<std::uint32_t>(row.used), CellKind::text);
      if (format_.quotes && at < text.size() && text[at] == '"') {
        const std::size_t begin = unquoted_.size();
        at = unquote(text, at + 1);
        const std::size_t end = std::min(text.find(delimiter, at), text.size());
        stray_ = stray_ || end > at;
        unquoted_.append(text.substr(at, end - at));  // text after the closing quote is kept
        cell.text = std::string_view(unquoted_).substr(begin);
        at = end;
      } else {
        const std::size_t end = std::min(text.find(delimiter, at), text.size());
        cell.text = text.substr(at, end - at);
        at = end;
      }
      if (at >= text.size() || row.used >= kMaxColumns) return;
      at += delimiter.size();
      if (at == text.size()) {
        row.add(static_cast<std::uint32_t>(row.used), CellKind::text).text = {};
        return;
      }
    }
  }

  /// Appends the cell that begins after its opening quote; returns the place after the closing one.
  std::size_t unquote(std::string_view text, std::size_t at) {
    for (;;) {
      const std::size_t quote = text.find('"', at);
      unquoted_.append(text.substr(at, quote == std::string_view::npos ? quote : quote - at));
      if (quote == std::string_view::npos) return text.size();
      at = quote + 1;
      if (at >= text.size() || text[at] != '"') return at;
      unquoted_.push_back('"');
      ++at;
    }
  }

  LineBuffer lines_;
  DelimitedFormat format_;
  std::string path_;
  std::vector<Column> columns_;
  std::string decoded_;   ///< the record as UTF-8, where the file is Latin-1
  std::string unquoted_;  ///< texts of quoted cells
  std::string kept_raw_;
  std::uint64_t line_ = 1;
  int runaways_ = 0;
  bool stray_ = false;       ///< the record has text after a closing quote
  std::size_t pending_ = 0;  ///< bytes of the record handed out last
  std::uint64_t pending_lines_ = 0;
};

}  // namespace

Result<std::unique_ptr<RowReader>> open_delimited(const std::string& path, const DelimitedFormat& format) {
  DelimitedFormat used = format;
  if (!used.header && used.names.empty()) {
    PENCHANT_TRY(probe_source, open_bytes(path));
    DelimitedReader probe(std::move(probe_source), used, path);
    PENCHANT_DO(probe.start());
    Row row;
    PENCHANT_TRY(more, probe.next(row));
    if (!more) return invalid(path + ": empty");
    for (std::size_t i = 0; i < std::max<std::size_t>(1, row.used); ++i)
      used.names.push_back("#" + std::to_string(i + 1));
  }
  PENCHANT_TRY(source, open_bytes(path));
  auto reader = std::make_unique<DelimitedReader>(std::move(source), std::move(used), path);
  PENCHANT_DO(reader->start());
  return std::unique_ptr<RowReader>(std::move(reader));
}

}  // namespace penchant::import
