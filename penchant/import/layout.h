#pragma once
/// \file What kind of file this is, from its name and first bytes. Internal to import.
#include <memory>
#include <string>

#include "penchant/import/row_reader.h"

namespace penchant::import {

enum class LayoutKind : std::uint8_t { delimited, jsonl, parquet, npy };
enum class Role : std::uint8_t { unknown, items, users, events, vectors, skip };

struct Layout {
  LayoutKind kind = LayoutKind::delimited;
  std::string name;           ///< "CSV", "RecBole atomic", …, with ", gzip"
  DelimitedFormat format;     ///< delimited only
  Role role = Role::unknown;  ///< where the file name settles it
  std::string skip_reason;    ///< role skip
  bool movielens = false;     ///< titles end in "(year)"
};

/// Looks at the name and the first bytes.
/// \return invalid_argument for what is no table (binary, empty, UTF-16, a JSON array), with the fix
Result<Layout> detect_layout(const std::string& path);

Result<std::unique_ptr<RowReader>> open_rows(const std::string& path, const Layout& layout);

/// File name without folder and ".gz", lower case.
[[nodiscard]] std::string plain_name(const std::string& path);

[[nodiscard]] const char* name_of(Role role) noexcept;

}  // namespace penchant::import
