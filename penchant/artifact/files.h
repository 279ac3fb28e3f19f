#pragma once
/// \file Whole small files: read with a cap, written atomically, hashed. Layer 1.
#include <cstdint>
#include <string>
#include <string_view>

#include "penchant/base/result.h"

namespace penchant::artifact {

/// \return not_found, io, or resource_exhausted when the file is larger than `max_bytes`
Result<std::string> read_file(const std::string& path, std::uint64_t max_bytes);
/// Temporary name, write, fsync, rename, fsync of the folder. resource_exhausted on a full disk.
Status write_file(const std::string& path, std::string_view bytes);
/// Lower-case hex SHA-256 of a file's bytes.
Result<std::string> sha256_file(const std::string& path);
[[nodiscard]] std::string sha256(std::string_view bytes);

}  // namespace penchant::artifact
