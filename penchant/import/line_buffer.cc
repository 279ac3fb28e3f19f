#include "penchant/import/line_buffer.h"

#include <cstring>

namespace penchant::import {

Result<std::size_t> LineBuffer::line_end(std::size_t from, std::size_t max_bytes) {
  for (;;) {
    const char* start = data_.data() + begin_ + from;
    const std::size_t left = available() - from;
    if (const void* hit = std::memchr(start, '\n', left); hit != nullptr)
      return from + static_cast<std::size_t>(static_cast<const char*>(hit) - start);
    if (ended_) return available();
    from = available();
    if (from > max_bytes) return std::string::npos;
    if (begin_ > 0) {
      data_.erase(0, begin_);
      begin_ = 0;
    }
    PENCHANT_TRY(n, source_->read(data_, kChunk));
    if (n == 0) ended_ = true;
  }
}

}  // namespace penchant::import
