#pragma once
/// \file Figures of a column over the first rows. Internal to import.
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "penchant/import/row_reader.h"

namespace penchant::import {

struct ColumnFigures {
  std::uint64_t filled = 0, numbers = 0, whole = 0, flags = 0, lists = 0, vectors = 0;
  std::uint64_t times = 0;                              ///< read as a time
  std::uint64_t pipes = 0, commas = 0, semicolons = 0;  ///< cells with "|", ", ", ";"
  std::uint64_t dot_zero = 0;                           ///< "17850.0"
  std::uint64_t leading_zero = 0;                       ///< "00123": not a number to people
  std::uint64_t bytes = 0;
  double max = 0;  ///< of the numbers
  std::string example;
  std::unordered_map<std::uint64_t, std::uint32_t> values;  ///< hash -> rows
  [[nodiscard]] double share(std::uint64_t n) const {
    return filled == 0 ? 0 : static_cast<double>(n) / static_cast<double>(filled);
  }
  /// Share of the first cells that read as a time.
  [[nodiscard]] double time_share() const {
    return filled == 0 ? 0 : static_cast<double>(times) / static_cast<double>(filled < 200 ? filled : 200);
  }
};

struct Sample {
  std::vector<Column> columns;
  std::vector<ColumnFigures> figures;            ///< [columns]
  std::vector<std::vector<std::uint64_t>> rows;  ///< hash of each cell, 0 = missing; [rows][<= columns]
  std::string problem;                           ///< why sampling ended early
};

inline constexpr std::size_t kSampleRows = 20'000;
inline constexpr std::size_t kHashedColumns = 256;  ///< in Sample::rows

/// \return errors of opening; a file that breaks later gives what was read, and `problem`
Result<Sample> sample_rows(RowReader& reader);

/// How well column `key` settles column `value`, beyond chance: 1 = always the same value for a
/// key, 0 = no better than chance, -1 = too few repeated keys to tell.
[[nodiscard]] double settles(const Sample& sample, std::size_t key, std::size_t value);

}  // namespace penchant::import
