#include "penchant/service/training.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <chrono>
#include <csignal>
#include <cstring>
#include <ctime>
#include <filesystem>

#include "penchant/artifact/manifest.h"
#include "penchant/evaluate/card.h"
#include "penchant/evaluate/fusion.h"

extern char** environ;

namespace penchant::service {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

std::string name_from_time() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y%m%d-%H%M%S", &parts);
  return text;
}

bool plain_name(const std::string& name) {
  if (name.empty() || name.size() > 64 || name[0] == '.') return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == std::string::npos;
}

/// One end of a pipe, closed when it goes.
struct Descriptor {
  int fd = -1;
  ~Descriptor() { close(); }
  void close() {
    if (fd >= 0) ::close(fd);
    fd = -1;
  }
};

/// penchant-train as a child: progress as JSON lines from one pipe, messages from another.
class Trainer {
 public:
  ~Trainer() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }

  Status start(const std::string& program, std::vector<std::string> arguments) {
    int progress[2], errors[2];
    if (::pipe2(progress, O_CLOEXEC) != 0) return Error{ErrorCode::io, "pipe: " + std::string(std::strerror(errno))};
    progress_.fd = progress[0];
    Descriptor progress_in{progress[1]};
    if (::pipe2(errors, O_CLOEXEC) != 0) return Error{ErrorCode::io, "pipe: " + std::string(std::strerror(errno))};
    errors_.fd = errors[0];
    Descriptor errors_in{errors[1]};
    arguments.insert(arguments.begin(), program);
    arguments.insert(arguments.end(), {"--progress-json", "/dev/fd/3"});
    std::vector<char*> argv;
    for (auto& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    // dup2 onto the same number would keep close-on-exec; go through a number that is surely free.
    ::posix_spawn_file_actions_adddup2(&actions, errors_in.fd, 2);
    ::posix_spawn_file_actions_adddup2(&actions, errors_in.fd, 1);
    if (progress_in.fd == 3) {
      const int moved = ::fcntl(progress_in.fd, F_DUPFD_CLOEXEC, 10);
      progress_in.close();
      progress_in.fd = moved;
    }
    ::posix_spawn_file_actions_adddup2(&actions, progress_in.fd, 3);
    // Spinning OpenMP threads make training many times slower as soon as anything else runs.
    std::string waiting = "OMP_WAIT_POLICY=passive";
    std::vector<char*> environment{waiting.data()};
    for (char** variable = environ; *variable != nullptr; ++variable) {
      if (std::string_view(*variable).starts_with("OMP_WAIT_POLICY=")) environment.erase(environment.begin());
      environment.push_back(*variable);
    }
    environment.push_back(nullptr);
    const int code = ::posix_spawn(&pid_, program.c_str(), &actions, nullptr, argv.data(), environment.data());
    ::posix_spawn_file_actions_destroy(&actions);
    if (code != 0) {
      pid_ = -1;
      return Error{ErrorCode::unavailable, program + " cannot be started: " + std::strerror(code) +
                                               "; build it with LibTorch (tools/build release)"};
    }
    return {};
  }

  /// Reads until the child ends; every whole line of progress goes to `on_line`, which returns
  /// false to stop the child.
  Status run(const std::function<bool(const std::string&)>& on_line) {
    std::string line, messages;
    bool cancelled = false;
    while (progress_.fd >= 0 || errors_.fd >= 0) {
      pollfd waiting[2] = {{progress_.fd, POLLIN, 0}, {errors_.fd, POLLIN, 0}};
      if (::poll(waiting, 2, 1000) < 0 && errno != EINTR) break;
      read_from(progress_, waiting[0].revents, [&](std::string_view bytes) {
        for (const char c : bytes) {
          if (c != '\n') {
            if (line.size() < 1 << 16) line.push_back(c);
          } else {
            if (!cancelled && !on_line(line)) {
              cancelled = true;
              ::kill(pid_, SIGTERM);
            }
            line.clear();
          }
        }
      });
      read_from(errors_, waiting[1].revents, [&](std::string_view bytes) {
        messages.append(bytes);
        if (messages.size() > 1 << 16) messages.erase(0, messages.size() - (1 << 15));
      });
    }
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    if (cancelled) return Error{ErrorCode::cancelled, "training was cancelled; the live release is as before"};
    if (WIFSIGNALED(status))
      return Error{WTERMSIG(status) == SIGKILL ? ErrorCode::resource_exhausted : ErrorCode::internal,
                   "penchant-train was ended by signal " + std::to_string(WTERMSIG(status)) +
                       (WTERMSIG(status) == SIGKILL ? " (out of memory?); --resume goes on from its checkpoint" : "") +
                       tail(messages)};
    const int code = WEXITSTATUS(status);
    if (code == 0) return {};
    const auto kind = code == 3   ? ErrorCode::not_found
                      : code == 4 ? ErrorCode::corrupt
                      : code == 5 ? ErrorCode::resource_exhausted
                      : code == 6 ? ErrorCode::cancelled
                      : code == 74 ? ErrorCode::io
                      : code == 70 ? ErrorCode::internal
                                   : ErrorCode::invalid_argument;
    return Error{kind, messages.empty() ? "penchant-train ended with code " + std::to_string(code) : last_message(messages)};
  }

 private:
  template <class Sink>
  static void read_from(Descriptor& from, short events, Sink&& sink) {
    if (from.fd < 0 || (events & (POLLIN | POLLHUP | POLLERR)) == 0) return;
    char buffer[8192];
    const ssize_t n = ::read(from.fd, buffer, sizeof buffer);
    if (n > 0) sink(std::string_view(buffer, static_cast<std::size_t>(n)));
    else if (n == 0 || errno != EINTR) from.close();
  }
  static std::string tail(const std::string& messages) {
    return messages.empty() ? "" : ": " + last_message(messages);
  }
  static std::string last_message(std::string messages) {
    while (!messages.empty() && messages.back() == '\n') messages.pop_back();
    auto text = messages.substr(messages.find_last_of('\n') == std::string::npos ? 0 : messages.find_last_of('\n') + 1);
    const std::string prefix = "penchant-train: ";
    return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
  }

  pid_t pid_ = -1;
  Descriptor progress_, errors_;
};

/// One JSON line of penchant-train: {"step","done","total","detail"}.
std::optional<Progress> parse_progress(const std::string& line) {
  json::error_code error;
  const auto value = json::parse(line, error);
  const auto* object = error ? nullptr : value.if_object();
  if (object == nullptr) return std::nullopt;
  Progress progress;
  if (const auto* step = object->if_contains("step"); step != nullptr && step->is_string()) progress.step = std::string(step->get_string());
  if (const auto* detail = object->if_contains("detail"); detail != nullptr && detail->is_string()) progress.detail = std::string(detail->get_string());
  const auto number = [&](const char* key) -> std::uint64_t {
    const auto* found = object->if_contains(key);
    json::error_code bad;
    const auto n = found != nullptr && found->is_number() ? found->to_number<double>(bad) : 0.0;
    return bad || n < 0 ? 0 : static_cast<std::uint64_t>(n);
  };
  progress.done = number("done");
  progress.total = number("total");
  return progress.step.empty() ? std::nullopt : std::optional(progress);
}

}  // namespace

Result<TrainingOutcome> train_release(const TrainingOptions& options, store::Store& store, Executor& executor,
                                      const ProgressSink& progress) {
  const auto started = std::chrono::steady_clock::now();
  TrainingOutcome outcome;
  outcome.release = options.name.empty() ? name_from_time() : options.name;
  if (!plain_name(outcome.release))
    return invalid("release name \"" + outcome.release + "\": use 1 to 64 letters, digits, dots, dashes or underscores");
  outcome.folder = options.home + "/models/" + outcome.release;
  if (fs::exists(outcome.folder + "/manifest.json"))
    return Error{ErrorCode::already_exists, "release \"" + outcome.release + "\" exists already; choose another --name"};
  PENCHANT_TRY(counts, store.counts());
  if (counts.events == 0 || counts.items == 0)
    return invalid("nothing to learn from: " + std::to_string(counts.items) + " items and " +
                   std::to_string(counts.events) + " events; import events first");
  std::error_code error;
  fs::create_directories(outcome.folder, error);
  if (error) return Error{ErrorCode::io, outcome.folder + ": " + error.message()};

  std::vector<std::string> arguments{"--home", options.home, "--name", outcome.release, "--preset", options.preset,
                                     "--seed", std::to_string(options.seed)};
  if (!options.encoder_dir.empty()) arguments.insert(arguments.end(), {"--encoder", options.encoder_dir});
  if (options.epochs > 0) arguments.insert(arguments.end(), {"--epochs", std::to_string(options.epochs)});
  if (options.threads > 0) arguments.insert(arguments.end(), {"--threads", std::to_string(options.threads)});
  if (options.resume) arguments.push_back("--resume");
  arguments.insert(arguments.end(), options.extra.begin(), options.extra.end());
  Trainer trainer;
  PENCHANT_DO(trainer.start(options.trainer, std::move(arguments)));
  PENCHANT_DO(trainer.run([&](const std::string& line) {
    const auto report = parse_progress(line);
    return !report || !progress || progress(*report);
  }));

  PENCHANT_DO(evaluate::fit_fusion(outcome.folder, store, executor, progress));
  PENCHANT_TRY(summary, evaluate::write_card(outcome.folder, store, executor, progress));
  outcome.summary = summary;
  PENCHANT_DO(artifact::verify_release(outcome.folder));  // what is recorded can be loaded
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  PENCHANT_DO(store.add_release({.name = outcome.release,
                                 .created_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count()}));
  if (options.promote) PENCHANT_DO(store.promote(outcome.release));
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return outcome;
}

}  // namespace penchant::service
