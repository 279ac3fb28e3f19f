#include "penchant/import/rejects_file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "penchant/catalog/text_form.h"

namespace penchant::import {
namespace {

constexpr std::size_t kRawBytes = 1024;

std::string csv_cell(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out.push_back('"');
    out.push_back(c == '\0' ? ' ' : c);
  }
  return out + "\"";
}

}  // namespace

Status RejectsFile::add(const std::string& file, std::uint64_t row, std::string_view reason,
                        std::string_view raw) {
  if (path_.empty() || left_ == 0) return {};
  --left_;
  const auto failed = [&] {
    return Error{ErrorCode::io, path_ + ": the rejects file cannot be written: " + std::strerror(errno)};
  };
  if (!file_) {
    std::error_code ignored;
    if (const auto folder = std::filesystem::path(path_).parent_path(); !folder.empty())
      std::filesystem::create_directories(folder, ignored);
    file_.reset(std::fopen(path_.c_str(), "wb"));
    if (!file_) return failed();
    made_ = true;
    std::fputs("file,row,reason,raw\n", file_.get());
  }
  const std::string_view kept = raw.substr(0, kRawBytes);
  const std::string text = catalog::valid_utf8(catalog::cut_utf8(kept, kRawBytes))
                               ? std::string(catalog::cut_utf8(raw, kRawBytes))
                               : catalog::latin1_to_utf8(kept);
  const std::string line =
      csv_cell(file) + "," + std::to_string(row) + "," + csv_cell(reason) + "," + csv_cell(text) + "\n";
  if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size()) return failed();
  return {};
}

Status RejectsFile::close() {
  if (file_ && std::fflush(file_.get()) != 0)
    return Error{ErrorCode::io, path_ + ": the rejects file cannot be written: " + std::strerror(errno)};
  file_.reset();
  return {};
}

}  // namespace penchant::import
