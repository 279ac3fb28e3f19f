#include "penchant/evaluate/trainer_process.h"

#include <boost/json.hpp>
#include <csignal>
#include <optional>

#include "penchant/base/child_process.h"

namespace penchant::evaluate {
namespace {

namespace json = boost::json;
constexpr std::string_view kProgram = "penchant-train";

/// One JSON line of penchant-train: {"step","done","total","detail"}.
std::optional<Progress> parse_progress(std::string_view line) {
  json::error_code error;
  const auto value = json::parse(line, error);
  const auto* object = error ? nullptr : value.if_object();
  if (object == nullptr) return std::nullopt;
  const auto text = [&](const char* key) -> std::string {
    const auto* found = object->if_contains(key);
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : "";
  };
  const auto number = [&](const char* key) -> std::uint64_t {
    const auto* found = object->if_contains(key);
    json::error_code bad;
    const double n = found != nullptr && found->is_number() ? found->to_number<double>(bad) : 0.0;
    return bad || !(n >= 0 && n < 1e18) ? 0 : static_cast<std::uint64_t>(n);
  };
  Progress progress{text("step"), number("done"), number("total"), text("detail")};
  return progress.step.empty() ? std::nullopt : std::optional(std::move(progress));
}

ErrorCode code_of_exit(int code) {
  switch (code) {
    case 3: return ErrorCode::not_found;
    case 4: return ErrorCode::corrupt;
    case 5: return ErrorCode::resource_exhausted;
    case 6: return ErrorCode::cancelled;
    case 70: return ErrorCode::internal;
    case 74: return ErrorCode::io;
    default: return ErrorCode::invalid_argument;
  }
}

Error error_of(const ChildEnd& end) {
  std::string message = end.last_message();
  if (const auto prefix = std::string(kProgram) + ": "; message.starts_with(prefix)) message.erase(0, prefix.size());
  if (end.signal != 0) {
    const bool killed = end.signal == SIGKILL;
    return {killed ? ErrorCode::resource_exhausted : ErrorCode::internal,
            std::string(kProgram) + " was ended by signal " + std::to_string(end.signal) +
                (killed ? " (out of memory?)" : "") + (message.empty() ? "" : ": " + message)};
  }
  if (message.empty()) message = std::string(kProgram) + " ended with code " + std::to_string(end.code);
  return {code_of_exit(end.code), std::move(message)};
}

}  // namespace

Status run_trainer(const std::string& program, std::vector<std::string> arguments, const std::string& step,
                   const ProgressSink& progress) {
  Progress last{step, 0, 0, ""};
  ChildWatch watch;
  if (progress) {
    watch.on_line = [&](std::string_view line) {
      auto report = parse_progress(line);
      if (!report) return true;
      last = std::move(*report);
      return progress(last);
    };
    watch.on_wait = [&] { return progress(last); };
  }
  auto end = run_child({.program = program,
                        .arguments = std::move(arguments),
                        .environment = {"OMP_WAIT_POLICY=passive"}},
                       watch);
  if (!end.ok()) {
    Error error = std::move(end).error();
    if (error.code == ErrorCode::unavailable) error.message += "; build it with LibTorch (tools/build release)";
    return error;
  }
  if (end->stopped) return Error{ErrorCode::cancelled, "training was cancelled"};
  if (end->signal == 0 && end->code == 0) return {};
  return error_of(*end);
}

}  // namespace penchant::evaluate
