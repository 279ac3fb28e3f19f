#pragma once
/// \file Bytes of a file, unpacked when it is gzip. Internal to import.
#include <cstdint>
#include <memory>
#include <string>

#include "penchant/base/result.h"

namespace penchant::import {

/// Threads: one at a time.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Appends up to `max` bytes to `out`; 0 at the end.
  /// \return io, or corrupt for a broken or truncated gzip stream
  virtual Result<std::size_t> read(std::string& out, std::size_t max) = 0;
  /// Bytes of the file on disk that were consumed.
  [[nodiscard]] virtual std::uint64_t consumed() const = 0;
  [[nodiscard]] virtual bool gzip() const = 0;
};

/// Opens a regular file; gzip is seen by its first two bytes.
Result<std::unique_ptr<ByteSource>> open_bytes(const std::string& path);

}  // namespace penchant::import
