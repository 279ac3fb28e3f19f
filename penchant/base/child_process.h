#pragma once
/// \file Another program as a child of this one, watched until it ends. Layer 0.
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/result.h"

namespace penchant {

/// What to start. The child reads /dev/null, writes messages to descriptors 1 and 2, and lines that
/// its parent reads as they come (progress) to descriptor 3, reachable as /dev/fd/3.
struct ChildCommand {
  std::string program;                   ///< path; not searched for
  std::vector<std::string> arguments;    ///< without the program's own name
  std::vector<std::string> environment;  ///< "NAME=value", for names that this process has not set
};

struct ChildWatch {
  /// Called with every whole line of descriptor 3 (without its end; at most 64 KiB, the rest of a
  /// longer one is dropped). False stops the child. May be empty.
  std::function<bool(std::string_view)> on_line;
  /// Called some four times a second whether or not the child says anything. False stops the child.
  /// May be empty.
  std::function<bool()> on_wait;
  /// How long a child that was told to stop (SIGTERM) may take before it is killed.
  double grace_seconds = 30;
};

/// How a child ended.
struct ChildEnd {
  bool stopped = false;  ///< a callback of ChildWatch said so
  int code = 0;          ///< exit code; 0 where a signal ended it
  int signal = 0;        ///< signal that ended it; 0 = it ended by itself
  std::string messages;  ///< what it wrote to descriptors 1 and 2; the newest 32 to 64 KiB
  /// Last line of `messages` that is not empty; "" where there is none.
  [[nodiscard]] std::string last_message() const;
};

/// Starts a child, watches it until it has ended and closed its descriptors, and reaps it. A child is
/// never left behind: if a callback throws, it is killed first. Threads: any; each call has a child of
/// its own, the callbacks run on the calling thread.
/// \return unavailable when the program cannot be started, naming the reason; io
Result<ChildEnd> run_child(const ChildCommand& command, const ChildWatch& watch = {});

}  // namespace penchant
