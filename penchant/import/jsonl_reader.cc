#include <boost/json.hpp>
#include <cmath>
#include <deque>
#include <unordered_map>

#include "penchant/catalog/json.h"
#include "penchant/catalog/text_form.h"
#include "penchant/import/line_buffer.h"
#include "penchant/import/row_reader.h"

namespace penchant::import {
namespace {

namespace bj = boost::json;

/// Arrays of at least so many numbers are vectors; shorter ones are lists of values.
constexpr std::size_t kShortestVector = 16;

class JsonlReader final : public RowReader {
 public:
  explicit JsonlReader(std::unique_ptr<ByteSource> source) : lines_(std::move(source)) {}

  Result<bool> next(Row& row) override {
    for (;;) {
      lines_.consume(pending_);
      ++line_;
      PENCHANT_TRY(end, lines_.line_end(0, kMaxRecordBytes));
      row.used = 0;
      row.reject.clear();
      row.number = line_;
      if (end == std::string::npos) {
        kept_raw_ = lines_.bytes(1024);
        while (end == std::string::npos) {
          lines_.consume(lines_.available());
          PENCHANT_TRY(again, lines_.line_end(0, kMaxRecordBytes));
          end = again;
        }
        pending_ = std::min(end + 1, lines_.available());
        row.raw = kept_raw_;
        row.reject = "longer than 32 MiB";
        return true;
      }
      if (lines_.available() == 0) return false;
      pending_ = std::min(end + 1, lines_.available());
      std::string_view text = lines_.bytes(end);
      if (line_ == 1 && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
      while (!text.empty() && (text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
      if (text.find_first_not_of(" \t") == std::string_view::npos) continue;
      row.raw = text;
      parse(text, row);
      return true;
    }
  }
  [[nodiscard]] const std::vector<Column>& columns() const override { return columns_; }
  [[nodiscard]] std::uint64_t bytes_read() const override { return lines_.consumed_on_disk(); }

 private:
  void parse(std::string_view text, Row& row) {
    texts_.clear();
    bj::error_code error;
    bj::parse_options options;
    options.max_depth = 16;
    value_ = bj::value();
    value_ = bj::parse({text.data(), text.size()}, error, bj::storage_ptr(), options);
    if (error) {
      row.reject = catalog::valid_utf8(text) ? "not valid JSON" : "not valid UTF-8";
      return;
    }
    if (!value_.is_object()) {
      row.reject = "not a JSON object";
      return;
    }
    add_object(value_.get_object(), "", row);
  }

  void add_object(const bj::object& object, const std::string& prefix, Row& row) {
    for (const auto& member : object) {
      const std::string key = prefix + std::string(member.key());
      if (member.value().is_null() || key.size() > catalog::kMaxIdBytes) continue;
      if (member.value().is_object()) {
        const bool attributes = prefix.empty() && member.key() == "attributes";
        if (prefix.size() < 256) add_object(member.value().get_object(), attributes ? "" : key + ".", row);
        continue;
      }
      if (columns_.size() >= kMaxColumns && !index_.contains(key)) {
        row.reject = "more than 20000 different fields in the file";
        return;
      }
      add_value(member.value(), column_of(key), row);
    }
  }

  void add_value(const bj::value& value, std::uint32_t column, Row& row) {
    if (value.is_string()) {
      row.add(column, CellKind::text).text = {value.get_string().data(), value.get_string().size()};
    } else if (value.is_bool()) {
      row.add(column, CellKind::flag).number = value.get_bool() ? 1 : 0;
    } else if (const auto digits = digits_beyond_double(value); !digits.empty()) {
      row.add(column, CellKind::text).text = texts_.emplace_back(digits);
    } else if (value.is_number()) {
      row.add(column, CellKind::number).number = value.to_number<double>();
    } else if (value.is_array()) {
      add_array(value.get_array(), column, row);
    }
  }

  /// Digits of a whole number that a double cannot hold (64-bit ids); else empty.
  static std::string digits_beyond_double(const bj::value& value) {
    constexpr std::int64_t kMost = 1LL << 53;
    if (value.is_uint64()) return std::to_string(value.get_uint64());  // above int64
    if (!value.is_int64() || (value.get_int64() <= kMost && value.get_int64() >= -kMost)) return {};
    return std::to_string(value.get_int64());
  }

  void add_array(const bj::array& array, std::uint32_t column, Row& row) {
    bool numbers =
        array.size() >= kShortestVector || (!array.empty() && columns_[column].name.starts_with("vectors."));
    for (const auto& part : array) numbers = numbers && part.is_number();
    if (numbers) {
      Cell& cell = row.add(column, CellKind::vector);
      cell.vector.clear();
      for (const auto& part : array) cell.vector.push_back(static_cast<float>(part.to_number<double>()));
      return;
    }
    Cell& cell = row.add(column, CellKind::list);
    cell.list.clear();
    for (const auto& part : array) {
      if (cell.list.size() == catalog::kMaxListElements) break;
      if (part.is_string())
        cell.list.emplace_back(part.get_string().data(), part.get_string().size());
      else if (part.is_number())
        cell.list.push_back(catalog::number_text(part.to_number<double>()));
      else if (part.is_bool())
        cell.list.emplace_back(part.get_bool() ? "true" : "false");
    }
  }

  std::uint32_t column_of(const std::string& key) {
    const auto [found, added] = index_.try_emplace(key, static_cast<std::uint32_t>(columns_.size()));
    if (added) columns_.push_back({key, ""});
    return found->second;
  }

  LineBuffer lines_;
  std::vector<Column> columns_;
  std::unordered_map<std::string, std::uint32_t> index_;
  bj::value value_;                ///< holds the texts of the row
  std::deque<std::string> texts_;  ///< made texts of the row
  std::string kept_raw_;
  std::uint64_t line_ = 0;
  std::size_t pending_ = 0;
};

}  // namespace

Result<std::unique_ptr<RowReader>> open_jsonl(const std::string& path) {
  PENCHANT_TRY(source, open_bytes(path));
  return std::unique_ptr<RowReader>(std::make_unique<JsonlReader>(std::move(source)));
}

}  // namespace penchant::import
