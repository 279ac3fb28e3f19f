#pragma once
/// \file Rows of any table-like file. Internal to import.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/result.h"

namespace penchant::import {

inline constexpr std::size_t kMaxRecordBytes = 32U << 20;  ///< a longer record is rejected
inline constexpr std::size_t kMaxColumns = 20'000;

enum class CellKind : std::uint8_t { absent, text, number, flag, list, vector };

struct Cell {
  std::uint32_t column = 0;
  CellKind kind = CellKind::absent;
  std::string_view text;          ///< kind text; lives until the next row
  double number = 0;              ///< kind number; flag: 0 or 1
  std::vector<std::string> list;  ///< kind list
  std::vector<float> vector;      ///< kind vector
};

struct Row {
  std::vector<Cell> cells;  ///< only [0, used) hold this row's cells
  std::size_t used = 0;
  std::uint64_t number = 0;  ///< 1-based line of texts, 1-based row of Parquet
  std::string_view raw;      ///< as it stands in the file (maybe cut); lives until the next row
  std::string reject;        ///< why the row cannot be used; empty: fine

  Cell& add(std::uint32_t column, CellKind kind) {
    if (used == cells.size()) cells.emplace_back();
    Cell& cell = cells[used++];
    cell.column = column;
    cell.kind = kind;
    return cell;
  }
};

/// What a file says of a column.
struct Column {
  std::string name;
  std::string declared;  ///< RecBole type ("token", "token_seq", "float", "float_seq"), or empty
};

/// Threads: one at a time.
class RowReader {
 public:
  virtual ~RowReader() = default;
  /// true: `row` holds the next record (perhaps one to reject); false: the end.
  /// \return why the file cannot be read on
  virtual Result<bool> next(Row& row) = 0;
  /// Known so far; grows in JSON lines.
  [[nodiscard]] virtual const std::vector<Column>& columns() const = 0;
  /// Share of the file on disk that was read.
  [[nodiscard]] virtual std::uint64_t bytes_read() const = 0;
};

struct DelimitedFormat {
  std::string delimiter = ",";
  bool quotes = true;  ///< RFC 4180 quoting
  bool header = true;
  bool latin1 = false;
  bool typed_header = false;       ///< RecBole `name:type`
  std::vector<std::string> names;  ///< fixed names (MovieLens); then there is no header
};

Result<std::unique_ptr<RowReader>> open_delimited(const std::string& path, const DelimitedFormat& format);
Result<std::unique_ptr<RowReader>> open_jsonl(const std::string& path);
Result<std::unique_ptr<RowReader>> open_parquet(const std::string& path);

}  // namespace penchant::import
