#include <arrow/api.h>
#include <arrow/io/file.h>
#include <parquet/arrow/reader.h>
#include <parquet/exception.h>

#include <cmath>

#include "penchant/catalog/json.h"
#include "penchant/catalog/text_form.h"
#include "penchant/catalog/time.h"
#include "penchant/import/row_reader.h"

namespace penchant::import {
namespace {

constexpr std::int64_t kBatchRows = 4096;

Error failed(const std::string& path, const arrow::Status& status) {
  return {ErrorCode::corrupt, path + ": Parquet: " + status.message()};
}

/// Calendar time of a date or timestamp value, as ISO 8601.
std::string time_text(const arrow::Array& array, std::int64_t at) {
  if (array.type_id() == arrow::Type::DATE32)
    return catalog::format_time(static_cast<const arrow::Date32Array&>(array).Value(at) *
                                std::int64_t{86'400'000});
  if (array.type_id() == arrow::Type::DATE64)
    return catalog::format_time(static_cast<const arrow::Date64Array&>(array).Value(at));
  const std::int64_t value = static_cast<const arrow::TimestampArray&>(array).Value(at);
  switch (static_cast<const arrow::TimestampType&>(*array.type()).unit()) {
    case arrow::TimeUnit::SECOND:
      return std::abs(value) < 1'000'000'000'000 ? catalog::format_time(value * 1000)
                                                 : std::string("out of range");
    case arrow::TimeUnit::MILLI: return catalog::format_time(value);
    case arrow::TimeUnit::MICRO: return catalog::format_time(value / 1000);
    case arrow::TimeUnit::NANO: return catalog::format_time(value / 1'000'000);
  }
  return {};
}

bool number_of(const arrow::Array& array, std::int64_t at, double& out) {
  using arrow::Type;
  switch (array.type_id()) {
    case Type::INT8: out = static_cast<const arrow::Int8Array&>(array).Value(at); return true;
    case Type::INT16: out = static_cast<const arrow::Int16Array&>(array).Value(at); return true;
    case Type::INT32: out = static_cast<const arrow::Int32Array&>(array).Value(at); return true;
    case Type::UINT8: out = static_cast<const arrow::UInt8Array&>(array).Value(at); return true;
    case Type::UINT16: out = static_cast<const arrow::UInt16Array&>(array).Value(at); return true;
    case Type::UINT32: out = static_cast<const arrow::UInt32Array&>(array).Value(at); return true;
    case Type::FLOAT:
      out = static_cast<double>(static_cast<const arrow::FloatArray&>(array).Value(at));
      return true;
    case Type::DOUBLE: out = static_cast<const arrow::DoubleArray&>(array).Value(at); return true;
    default: return false;
  }
}

class ParquetReader final : public RowReader {
 public:
  ParquetReader(std::string path, std::unique_ptr<parquet::arrow::FileReader> file)
      : path_(std::move(path)), file_(std::move(file)) {}

  Status start() {
    std::shared_ptr<arrow::Schema> schema;
    if (const auto status = file_->GetSchema(&schema); !status.ok()) return failed(path_, status);
    for (const auto& field : schema->fields())
      columns_.push_back({std::string(catalog::cut_utf8(field->name(), 200)), ""});
    if (columns_.empty() || columns_.size() > kMaxColumns)
      return invalid(path_ + ": " + std::to_string(columns_.size()) + " columns");
    file_->set_batch_size(kBatchRows);
    auto batches = file_->GetRecordBatchReader();
    if (!batches.ok()) return failed(path_, batches.status());
    batches_ = std::move(batches).ValueOrDie();
    return {};
  }

  Result<bool> next(Row& row) override {
    while (!batch_ || at_ >= batch_->num_rows()) {
      const auto status = batches_->ReadNext(&batch_);
      if (!status.ok()) return failed(path_, status);
      if (!batch_) return false;
      at_ = 0;
    }
    row.used = 0;
    row.reject.clear();
    row.number = ++number_;
    texts_.clear();
    texts_.reserve(columns_.size());
    for (int i = 0; i < batch_->num_columns(); ++i)
      add(*batch_->column(i), static_cast<std::uint32_t>(i), row);
    describe(row);
    ++at_;
    return true;
  }
  [[nodiscard]] const std::vector<Column>& columns() const override { return columns_; }
  [[nodiscard]] std::uint64_t bytes_read() const override { return number_; }

 private:
  void own_text(std::uint32_t column, Row& row, std::string text) {
    texts_.push_back(std::move(text));
    row.add(column, CellKind::text).text = texts_.back();
  }

  void add(const arrow::Array& array, std::uint32_t column, Row& row) {
    using arrow::Type;
    if (array.IsNull(at_)) return;
    double number = 0;
    if (number_of(array, at_, number)) {
      row.add(column, CellKind::number).number = number;
      return;
    }
    switch (array.type_id()) {
      case Type::INT64:
        own_text(column, row, std::to_string(static_cast<const arrow::Int64Array&>(array).Value(at_)));
        return;
      case Type::UINT64:
        own_text(column, row, std::to_string(static_cast<const arrow::UInt64Array&>(array).Value(at_)));
        return;
      case Type::STRING:
        add_text(static_cast<const arrow::StringArray&>(array).GetView(at_), column, row);
        return;
      case Type::LARGE_STRING:
        add_text(static_cast<const arrow::LargeStringArray&>(array).GetView(at_), column, row);
        return;
      case Type::BOOL:
        row.add(column, CellKind::flag).number =
            static_cast<const arrow::BooleanArray&>(array).Value(at_) ? 1 : 0;
        return;
      case Type::DATE32:
      case Type::DATE64:
      case Type::TIMESTAMP: own_text(column, row, time_text(array, at_)); return;
      case Type::LIST: add_list(static_cast<const arrow::ListArray&>(array), column, row); return;
      case Type::LARGE_LIST: add_list(static_cast<const arrow::LargeListArray&>(array), column, row); return;
      case Type::FIXED_SIZE_LIST:
        add_list(static_cast<const arrow::FixedSizeListArray&>(array), column, row);
        return;
      default: {
        const auto scalar = array.GetScalar(at_);  // dictionaries, decimals, …
        if (scalar.ok()) own_text(column, row, scalar.ValueOrDie()->ToString());
      }
    }
  }

  void add_text(std::string_view text, std::uint32_t column, Row& row) {
    if (!catalog::valid_utf8(text)) row.reject = "not valid UTF-8";
    row.add(column, CellKind::text).text = text;
  }

  template <class List>
  void add_list(const List& lists, std::uint32_t column, Row& row) {
    const auto part = lists.value_slice(at_);
    if (part->type_id() == arrow::Type::FLOAT || part->type_id() == arrow::Type::DOUBLE ||
        part->type_id() == arrow::Type::HALF_FLOAT) {
      Cell& cell = row.add(column, CellKind::vector);
      cell.vector.clear();
      for (std::int64_t i = 0; i < part->length(); ++i) {
        double number = std::nan("");
        if (part->type_id() == arrow::Type::HALF_FLOAT && !part->IsNull(i))
          number = half(static_cast<const arrow::HalfFloatArray&>(*part).Value(i));
        else if (!part->IsNull(i))
          number_of(*part, i, number);
        cell.vector.push_back(static_cast<float>(number));
      }
      return;
    }
    Cell& cell = row.add(column, CellKind::list);
    cell.list.clear();
    for (std::int64_t i = 0; i < part->length() && cell.list.size() < catalog::kMaxListElements; ++i) {
      if (part->IsNull(i)) continue;
      double number = 0;
      const auto scalar = part->GetScalar(i);
      if (number_of(*part, i, number))
        cell.list.push_back(catalog::number_text(number));
      else if (scalar.ok())
        cell.list.push_back(scalar.ValueOrDie()->ToString());
    }
  }

  static double half(std::uint16_t bits) {
    const int exponent = (bits >> 10) & 31, mantissa = bits & 1023;
    const double size = exponent == 31  ? (mantissa == 0 ? INFINITY : std::nan(""))
                        : exponent == 0 ? std::ldexp(mantissa, -24)
                                        : std::ldexp(1024 + mantissa, exponent - 25);
    return (bits & 0x8000) != 0 ? -size : size;
  }

  /// A short text of the row for the rejects file.
  void describe(Row& row) {
    raw_.clear();
    for (std::size_t i = 0; i < row.used && raw_.size() < 1024; ++i) {
      const Cell& cell = row.cells[i];
      raw_.append(i == 0 ? "" : ",").append(columns_[cell.column].name).append("=");
      if (cell.kind == CellKind::text)
        raw_.append(catalog::cut_utf8(cell.text, 200));
      else if (cell.kind == CellKind::number)
        raw_.append(catalog::number_text(cell.number));
      else
        raw_.append("…");
    }
    row.raw = raw_;
  }

  std::string path_;
  std::unique_ptr<parquet::arrow::FileReader> file_;
  std::shared_ptr<arrow::RecordBatchReader> batches_;
  std::shared_ptr<arrow::RecordBatch> batch_;
  std::vector<Column> columns_;
  std::vector<std::string> texts_;  ///< made texts of the row; never grows past its reserve
  std::string raw_;
  std::int64_t at_ = 0;
  std::uint64_t number_ = 0;
};

}  // namespace

Result<std::unique_ptr<RowReader>> open_parquet(const std::string& path) {
  try {
    auto file = arrow::io::ReadableFile::Open(path);
    if (!file.ok()) return Error{ErrorCode::io, path + ": " + file.status().message()};
    auto opened = parquet::arrow::OpenFile(file.ValueOrDie(), arrow::default_memory_pool());
    if (!opened.ok()) return failed(path, opened.status());
    auto reader = std::make_unique<ParquetReader>(path, std::move(opened).ValueOrDie());
    PENCHANT_DO(reader->start());
    return std::unique_ptr<RowReader>(std::move(reader));
  } catch (const std::exception& error) {
    return Error{ErrorCode::corrupt, path + ": Parquet: " + error.what()};
  }
}

}  // namespace penchant::import
