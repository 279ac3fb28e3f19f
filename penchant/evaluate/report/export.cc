#include "penchant/evaluate/report/export.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>

namespace penchant::evaluate {
namespace {

void append_field(std::string& line, std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    line += text;
    return;
  }
  line += '"';
  for (const char c : text) {
    if (c == '"') line += '"';
    line += c;
  }
  line += '"';
}

template <class Number>
void append_number(std::string& line, Number value) {
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  line.append(buffer, end);
}

}  // namespace

ListExport::ListExport(std::string folder, const EventLog& log, Ties ties)
    : folder_(std::move(folder)), log_(&log), ties_(ties) {}

Result<ListExport> ListExport::open(const std::string& folder, const EventLog& log, Ties ties) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error || !std::filesystem::is_directory(folder, error))
    return Error{ErrorCode::io, "cannot make the export folder " + folder +
                                    (error ? ": " + error.message() : ": a file is in its place")};
  return ListExport(folder, log, ties);
}

Status ListExport::add(const TopList& list) {
  const std::string key =
      std::string(list.model) + "-" + std::string(name_of(list.seen)) + "-" + std::string(name_of(ties_));
  auto [entry, is_new] = files_.try_emplace(key);
  File& file = entry->second;
  line_.clear();
  if (is_new) {
    file.path = folder_ + "/" + key + ".csv";
    errno = 0;
    file.stream.open(file.path, std::ios::binary | std::ios::trunc);
    line_ += "user_id,rank,item_id,score\n";
  }
  for (std::size_t k = 0; k < std::min(kExportRanks, list.items.size()); ++k) {
    append_field(line_, log_->user_ids[list.of->user]);
    line_ += ',';
    append_number(line_, k + 1);
    line_ += ',';
    append_field(line_, log_->item_ids[list.items[k]]);
    line_ += ',';
    append_number(line_, list.scores[k]);  // shortest form that reads back as the same float
    line_ += '\n';
  }
  file.stream.write(line_.data(), static_cast<std::streamsize>(line_.size()));
  return check(file);
}

Status ListExport::close() {
  for (auto& [key, file] : files_) {
    errno = 0;
    file.stream.close();
    PENCHANT_DO(check(file));
  }
  files_.clear();
  return {};
}

Status ListExport::check(const File& file) const {
  if (file.stream) return {};
  const int why = errno;
  const auto code = why == ENOSPC || why == EDQUOT ? ErrorCode::resource_exhausted : ErrorCode::io;
  return Error{code, "cannot write " + file.path + ": " +
                         (why != 0 ? std::strerror(why) : "the file refused the bytes")};
}

}  // namespace penchant::evaluate
