#pragma once
/// \file What the command line draws: progress with time left, wrapped text, aligned columns.
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/progress.h"

namespace penchant::app {

/// Columns of the terminal behind standard output; 100 where it is not a terminal.
[[nodiscard]] std::size_t terminal_width();
[[nodiscard]] bool is_terminal();

/// Code points of a UTF-8 text (what a terminal shows as columns for Latin text).
[[nodiscard]] std::size_t columns_of(std::string_view text);
/// Cut to `columns` with "…" where it is longer, padded with spaces where it is shorter.
[[nodiscard]] std::string fit(std::string_view text, std::size_t columns);
/// Lines of at most the terminal's width (100 at most), each after `indent` spaces, broken at spaces.
[[nodiscard]] std::string wrapped(std::string_view text, std::size_t indent);
/// "2 min 05 s", "48 s", "350 ms".
[[nodiscard]] std::string duration(double seconds);
/// 12345 -> "12,345".
[[nodiscard]] std::string with_commas(std::uint64_t number);

/// Bold, dim and colour, only on a terminal.
[[nodiscard]] std::string bold(std::string_view text);
[[nodiscard]] std::string dim(std::string_view text);
[[nodiscard]] std::string green(std::string_view text);
[[nodiscard]] std::string yellow(std::string_view text);

/// One line per step: a bar with share, elapsed time and time left while it runs, a tick when it
/// ends. On a file or pipe a line now and then. Writes to standard error, so that results can be
/// piped. Threads: one at a time.
class ProgressLine {
 public:
  explicit ProgressLine(bool quiet = false) : quiet_(quiet) {}
  ~ProgressLine() { finish(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  /// A sink that draws here; lives no longer than this object.
  [[nodiscard]] ProgressSink sink();
  /// Ends the step under way, if any.
  void finish();

 private:
  void show(const Progress& progress);
  using Clock = std::chrono::steady_clock;
  bool quiet_;
  std::string step_, detail_;
  Clock::time_point started_, drawn_;
};

}  // namespace penchant::app
