#include <algorithm>
#include <cstring>
#include <set>

#include "penchant/catalog/text_form.h"
#include "penchant/import/line_buffer.h"
#include "penchant/import/row_reader.h"

namespace penchant::import {
namespace {

/// After so many quotes that never close, a quote no longer spans lines in this file: a hostile
/// file cannot make every line scan to the end.
constexpr int kMaxRunaways = 8;

class DelimitedReader final : public RowReader {
 public:
  DelimitedReader(std::unique_ptr<ByteSource> source, DelimitedFormat format, std::string path)
      : lines_(std::move(source)), format_(std::move(format)), path_(std::move(path)) {}

  Status start() {
    PENCHANT_TRY(end, lines_.line_end(0, kMaxRecordBytes));
    if (end != std::string::npos && lines_.bytes(end).starts_with("\xEF\xBB\xBF")) lines_.consume(3);
    for (const auto& name : format_.names) columns_.push_back({name, ""});
    if (!format_.names.empty()) return {};
    Row first;
    const bool header = format_.header;
    if (!header) saved_ = lines_;  // look at the first row, then read it as data
    return read_header(first, header);
  }

  Result<bool> next(Row& row) override {
    for (;;) {
      PENCHANT_TRY(more, read_record(row));
      if (!more) return false;
      if (row.reject.empty() && row.used == 1 && row.cells[0].text.empty() && columns_.size() != 1) continue;  // blank line
      if (row.reject.empty() && row.used == 1 && row.raw.empty()) continue;
      return true;
    }
  }
  [[nodiscard]] const std::vector<Column>& columns() const override { return columns_; }
  [[nodiscard]] std::uint64_t bytes_read() const override { return lines_.consumed_on_disk(); }

 private:
  Status read_header(Row& row, bool header) {
    PENCHANT_TRY(more, read_record(row));
    if (!more) return Error{ErrorCode::invalid_argument, path_ + ": empty"};
    if (!row.reject.empty()) return invalid(path_ + ": row 1: " + row.reject);
    if (row.used > kMaxColumns) return invalid(path_ + ": " + std::to_string(row.used) + " columns; at most " + std::to_string(kMaxColumns));
    std::set<std::string> taken;
    for (std::size_t i = 0; i < row.used; ++i) {
      Column column{header ? std::string(row.cells[i].text) : "#" + std::to_string(i + 1), ""};
      if (header && format_.typed_header)
        if (const auto colon = column.name.rfind(':'); colon != std::string::npos) {
          column.declared = column.name.substr(colon + 1);
          column.name.resize(colon);
        }
      column.name = catalog::cut_utf8(column.name, 200);
      if (column.name.empty()) column.name = "#" + std::to_string(i + 1);
      for (int k = 2; !taken.insert(column.name).second; ++k) column.name += "_" + std::to_string(k);
      columns_.push_back(std::move(column));
    }
    if (!header) replay_ = true;
    first_ = std::move(row);
    return {};
  }

  /// One record: a line, or several when a quoted cell holds line breaks.
  Result<bool> read_record(Row& row);
  void split_plain(std::string_view line, Row& row);
  /// false: a quote is still open at the end of `text`.
  bool split_quoted(std::string_view text, Row& row);
  void check_columns(Row& row) const {
    if (!row.reject.empty() || columns_.empty() || row.used == columns_.size()) return;
    if (row.used == 1 && row.cells[0].text.empty()) return;
    row.reject = "wrong number of columns";
  }

  LineBuffer lines_;
  DelimitedFormat format_;
  std::string path_;
  std::vector<Column> columns_;
  std::string decoded_;  ///< the record as UTF-8, where the file is Latin-1
  std::string unquoted_; ///< texts of quoted cells
  std::uint64_t line_ = 1;
  int runaways_ = 0;
  std::size_t pending_ = 0;  ///< bytes of the record handed out last
  std::uint64_t pending_lines_ = 0;
};

}  // namespace
}  // namespace penchant::import
