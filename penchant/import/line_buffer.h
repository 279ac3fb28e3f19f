#pragma once
/// \file Lines of a byte source, with a cap and a way back. Internal to import.
#include <memory>
#include <string>
#include <string_view>

#include "penchant/import/byte_source.h"

namespace penchant::import {

/// A window over the bytes from the current record on. Positions are relative to the start of the
/// record; views live until `consume` or `line_end`.
class LineBuffer {
 public:
  explicit LineBuffer(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}

  /// Position of the first '\n' at or after `from`, or of the end of the data (then `at_end`).
  /// \return nullopt-like npos when the record would pass `max_bytes`
  Result<std::size_t> line_end(std::size_t from, std::size_t max_bytes);
  /// Bytes from the record's start.
  [[nodiscard]] std::string_view bytes(std::size_t end) const {
    return std::string_view(data_).substr(begin_, end);
  }
  [[nodiscard]] std::size_t available() const { return data_.size() - begin_; }
  [[nodiscard]] bool at_end() const { return ended_; }
  /// The next record begins after `n` bytes.
  void consume(std::size_t n) { begin_ += n; }
  [[nodiscard]] std::uint64_t consumed_on_disk() const { return source_->consumed(); }

 private:
  static constexpr std::size_t kChunk = 1 << 20;
  std::unique_ptr<ByteSource> source_;
  std::string data_;
  std::size_t begin_ = 0;
  bool ended_ = false;
};

}  // namespace penchant::import
