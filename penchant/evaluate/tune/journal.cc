#include "penchant/evaluate/tune/journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>

#include "penchant/artifact/files.h"

namespace penchant::evaluate {
namespace {

namespace json = boost::json;

constexpr int kFormat = 1;
constexpr std::uint64_t kMaxBytes = 64ULL << 20;
constexpr std::size_t kMaxLine = 1 << 16, kMaxSettings = 100, kMaxMetrics = 100;

Error os_error(const std::string& path) {
  return {errno == ENOSPC ? ErrorCode::resource_exhausted : ErrorCode::io, path + ": " + std::strerror(errno)};
}

/// A member that is a finite number in [low, high].
std::optional<double> number(const json::value& value, double low, double high) {
  if (!value.is_number()) return std::nullopt;
  json::error_code error;
  const double n = value.to_number<double>(error);
  return error || !(n >= low && n <= high) ? std::nullopt : std::optional(n);
}

struct Line {
  std::string context;
  Trial trial;
};

std::optional<Line> parse(std::string_view text) {
  if (text.size() > kMaxLine) return std::nullopt;
  json::error_code error;
  const auto value = json::parse(text, error);
  const auto* object = error ? nullptr : value.if_object();
  if (object == nullptr) return std::nullopt;
  const auto member = [&](const char* name) -> const json::value& {
    static const json::value kNone;
    const auto* found = object->if_contains(name);
    return found == nullptr ? kNone : *found;
  };
  Line line;
  if (number(member("format"), kFormat, kFormat) == std::nullopt || !member("context").is_string()) return std::nullopt;
  line.context = std::string(member("context").get_string());
  const auto seconds = number(member("seconds"), 0, 1e9);
  if (!seconds || !member("settings").is_object() || member("settings").get_object().size() > kMaxSettings) return std::nullopt;
  line.trial.seconds = *seconds;
  for (const auto& [name, given] : member("settings").get_object()) {
    const auto setting = number(given, -1e300, 1e300);
    if (!setting) return std::nullopt;
    line.trial.settings[std::string(name)] = *setting;
  }
  if (member("error").is_string()) {
    line.trial.error = std::string(member("error").get_string());
    return line;
  }
  if (!member("metrics").is_object() || member("metrics").get_object().size() > kMaxMetrics) return std::nullopt;
  for (const auto& [name, given] : member("metrics").get_object()) {
    const auto metric = number(given, 0, 1);
    if (!metric) return std::nullopt;
    line.trial.metrics.emplace_back(std::string(name), *metric);
  }
  return line.trial.metrics.empty() ? std::nullopt : std::optional(std::move(line));
}

}  // namespace

const double* Trial::find(std::string_view metric) const noexcept {
  for (const auto& [name, value] : metrics)
    if (name == metric) return &value;
  return nullptr;
}

TuneJournal::TuneJournal(TuneJournal&& other) noexcept
    : path_(std::move(other.path_)),
      context_(std::move(other.context_)),
      fd_(std::exchange(other.fd_, -1)),
      broken_end_(other.broken_end_),
      trials_(std::move(other.trials_)),
      notes_(std::move(other.notes_)) {}

TuneJournal::~TuneJournal() {
  if (fd_ >= 0) ::close(fd_);
}

Result<TuneJournal> TuneJournal::open(const std::string& path, std::string context) {
  const auto folder = std::filesystem::path(path).parent_path();
  std::error_code error;
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  if (error) return Error{ErrorCode::io, folder.string() + ": " + error.message()};
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return os_error(path);
  TuneJournal journal(path, std::move(context), fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0)
    return Error{ErrorCode::unavailable, path + " is in use: another search of this model is running; wait for it"};
  if (!folder.empty()) {  // the name itself is durable too
    const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
      ::fsync(directory);
      ::close(directory);
    }
  }
  PENCHANT_DO(journal.read());
  return journal;
}

Status TuneJournal::read() {
  PENCHANT_TRY(text, artifact::read_file(path_, kMaxBytes));
  broken_end_ = !text.empty() && text.back() != '\n';
  std::size_t number = 0, others = 0;
  for (std::size_t first = 0; first < text.size();) {
    const std::size_t end = std::min(text.find('\n', first), text.size());
    const auto line = std::string_view(text).substr(first, end - first);
    first = end + 1;
    ++number;
    if (line.empty()) continue;
    auto parsed = parse(line);
    if (!parsed) notes_.push_back(path_ + " line " + std::to_string(number) + " is broken and was ignored");
    else if (parsed->context != context_) ++others;
    else trials_.push_back(std::move(parsed->trial));
  }
  if (others > 0)
    notes_.push_back(std::to_string(others) + (others == 1 ? " trial" : " trials") + " of " + path_ +
                     " belong to other data, another protocol, seed or filter and were left alone");
  return {};
}

Status TuneJournal::append(const Trial& trial) {
  json::object settings, line{{"format", kFormat}, {"context", context_}};
  for (const auto& [name, value] : trial.settings) settings[name] = value;
  line["settings"] = std::move(settings);
  if (trial.metrics.empty()) {
    line["error"] = trial.error.substr(0, 2000);
  } else {
    json::object metrics;
    for (const auto& [name, value] : trial.metrics) metrics[name] = value;
    line["metrics"] = std::move(metrics);
  }
  line["seconds"] = trial.seconds;
  std::string text = (broken_end_ ? "\n" : "") + json::serialize(line) + "\n";
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t n = ::write(fd_, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      broken_end_ = broken_end_ || done > 0;
      return os_error(path_);
    }
    done += static_cast<std::size_t>(n);
  }
  broken_end_ = false;
  if (::fsync(fd_) != 0) return os_error(path_);
  trials_.push_back(trial);
  return {};
}

}  // namespace penchant::evaluate
