#pragma once
/// \file What each column of a file is used for. Internal to import.
#include <cstdint>
#include <string>
#include <vector>

#include "penchant/import/column_names.h"
#include "penchant/import/import.h"
#include "penchant/import/layout.h"

namespace penchant::import {

struct ColumnUse {
  Field field = Field::ignore;
  std::string attribute;       ///< name of the attribute or modality
  std::string separator;       ///< not empty: a list, split here
  bool numeric = false;        ///< numbers become numbers
  bool drop_dot_zero = false;  ///< ids written "17850.0"
  bool genre_flag = false;     ///< MovieLens 0/1 column: a 1 adds `attribute` to the list "genres"
  std::string note, example;
};

enum class TimeKind : std::uint8_t { none, epoch, position, since_first, row_order };

struct FilePlan {
  std::string path;
  Layout layout;
  Role role = Role::unknown;
  std::vector<Column> columns;
  std::vector<ColumnUse> uses;     ///< [columns]
  TimeKind time = TimeKind::none;  ///< events
  std::string default_type = "view";
  bool quantity = false;  ///< value is a count of things bought: <= 0 is a cancellation
  bool gather = false;    ///< users file with several rows a user: values gather in lists
  std::vector<std::string> notes;
  std::string skip_reason;  ///< role skip

  [[nodiscard]] bool has(Field field) const;
};

/// Reads a sample and decides. `forced` is the role when the caller knows it.
/// \return invalid_argument when the columns stay unclear: what was found and how to say it
Result<FilePlan> plan_file(const std::string& path, Role forced, const ImportOptions& options);

/// The printable rows of the mapping.
[[nodiscard]] std::vector<MappedColumn> mapping_of(const FilePlan& plan);

/// "" and what stands for nothing in exports: NA, N/A, NaN, NULL, \N.
[[nodiscard]] bool is_missing(std::string_view text) noexcept;
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;

}  // namespace penchant::import
