#pragma once
/// \file The rows that were not taken, with the reason. Internal to import.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "penchant/base/result.h"

namespace penchant::import {

/// CSV of file, row, reason, raw (cut at 1 KiB). Made on the first row. Threads: one at a time.
class RejectsFile {
 public:
  /// \param path empty: nothing is written
  RejectsFile(std::string path, std::uint64_t max_rows) : path_(std::move(path)), left_(max_rows) {}
  Status add(const std::string& file, std::uint64_t row, std::string_view reason, std::string_view raw);
  Status close();
  [[nodiscard]] bool written() const noexcept { return made_; }

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::string path_;
  std::uint64_t left_;
  std::unique_ptr<std::FILE, Closer> file_;
  bool made_ = false;
};

}  // namespace penchant::import
