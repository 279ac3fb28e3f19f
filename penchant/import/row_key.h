#pragma once
/// \file Idempotency keys from the content of a row. Internal to import.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace penchant::import {

/// SipHash-2-4 with 128 bits of output and a fixed key.
[[nodiscard]] std::array<std::uint64_t, 2> siphash128(std::string_view bytes) noexcept;

/// Makes the same key for the same row content and occurrence, whatever the file is called.
/// Memory: some 40 B per distinct row. Threads: one at a time; one per file.
class RowKeys {
 public:
  /// "i" and 16 base-64 digits: 96 bits of the hash.
  std::string key_of(std::string_view content);

 private:
  std::unordered_map<std::uint64_t, std::uint32_t> seen_;
};

}  // namespace penchant::import
