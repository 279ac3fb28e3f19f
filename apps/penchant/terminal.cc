#include "terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace penchant::app {
namespace {

std::string styled(std::string_view code, std::string_view text) {
  if (!is_terminal()) return std::string(text);
  return "\033[" + std::string(code) + "m" + std::string(text) + "\033[0m";
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

bool is_terminal() { return ::isatty(STDOUT_FILENO) == 1; }

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40) return size.ws_col;
  return 100;
}

std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string fit(std::string_view text, std::size_t columns) {
  const std::size_t have = columns_of(text);
  if (have <= columns) return std::string(text) + std::string(columns - have, ' ');
  std::string out;
  std::size_t used = 0;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t next = i + 1;
    while (next < text.size() && (static_cast<unsigned char>(text[next]) & 0xC0) == 0x80) ++next;
    if (used + 1 == columns) break;
    out.append(text.substr(i, next - i));
    ++used;
    i = next;
  }
  return out + "…";
}

std::string wrapped(std::string_view text, std::size_t indent) {
  const std::size_t width = std::min<std::size_t>(terminal_width(), 100) - indent;
  std::string out(indent, ' ');
  std::size_t used = 0;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t end = std::min(text.find(' ', i), text.size());
    const std::string_view word = text.substr(i, end - i);
    const std::size_t columns = columns_of(word);
    if (used > 0 && used + 1 + columns > width) {
      out += "\n" + std::string(indent, ' ');
      used = 0;
    }
    if (used > 0) out.push_back(' '), ++used;
    out += word;
    used += columns;
    i = end + 1;
  }
  return out;
}

std::string duration(double seconds) {
  if (seconds < 1) return std::to_string(static_cast<int>(std::lround(seconds * 1000))) + " ms";
  const auto whole = static_cast<long>(std::lround(seconds));
  if (whole < 60) return std::to_string(whole) + " s";
  const std::string rest = std::to_string(whole % 60);
  return std::to_string(whole / 60) + " min " + (rest.size() == 1 ? "0" : "") + rest + " s";
}

std::string with_commas(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

std::string bold(std::string_view text) { return styled("1", text); }
std::string dim(std::string_view text) { return styled("2", text); }
std::string green(std::string_view text) { return styled("32", text); }
std::string yellow(std::string_view text) { return styled("33", text); }

ProgressSink ProgressLine::sink() {
  return [this](const Progress& progress) {
    if (!quiet_) show(progress);
    return true;
  };
}

void ProgressLine::show(const Progress& progress) {
  const bool tty = ::isatty(STDERR_FILENO) == 1;
  const auto now = Clock::now();
  if (progress.step != step_) {
    finish();
    step_ = progress.step;
    started_ = now;
    drawn_ = {};
  }
  if (!progress.detail.empty()) detail_ = progress.detail;
  const bool due = std::chrono::duration<double>(now - drawn_).count() >= (tty ? 0.1 : 10.0);
  if (!due || (!tty && drawn_ == Clock::time_point{} && (drawn_ = now, true))) return;
  drawn_ = now;
  const double elapsed = seconds_since(started_);
  std::string line = "   " + step_ + "  ";
  if (progress.total > 0) {
    const double share = std::min(1.0, static_cast<double>(progress.done) / static_cast<double>(progress.total));
    const auto filled = static_cast<std::size_t>(24 * share);
    for (std::size_t i = 0; i < 24; ++i) line += i < filled ? "█" : "░";
    line += " " + std::to_string(static_cast<int>(100 * share)) + " %  " + duration(elapsed);
    if (share > 0.01 && elapsed > 1) line += ", about " + duration(elapsed * (1 - share) / share) + " left";
  } else {
    line += with_commas(progress.done) + "  " + duration(elapsed);
  }
  if (!detail_.empty()) line += "  " + detail_;
  if (tty) {
    std::string text = fit(line, terminal_width() - 1);
    std::fprintf(stderr, "\r\033[2K%s", text.c_str());
  } else {
    std::fprintf(stderr, "%s\n", line.c_str());
  }
  std::fflush(stderr);
}

void ProgressLine::finish() {
  if (step_.empty()) return;
  if (!quiet_) {
    const bool tty = ::isatty(STDERR_FILENO) == 1;
    std::fprintf(stderr, "%s ✓ %s  %s%s%s\n", tty ? "\r\033[2K" : "", step_.c_str(),
                 duration(seconds_since(started_)).c_str(), detail_.empty() ? "" : "  ", detail_.c_str());
    std::fflush(stderr);
  }
  step_.clear();
  detail_.clear();
}

}  // namespace penchant::app
