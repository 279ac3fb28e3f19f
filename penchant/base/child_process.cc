#include "penchant/base/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <optional>
#include <utility>

extern char** environ;

namespace penchant {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kMaxLine = 1 << 16, kMaxMessages = 1 << 16, kKeptMessages = 1 << 15;
constexpr int kPollMs = 250;
constexpr int kFirstFree = 10;  ///< the ends that a child inherits lie above the numbers it uses

/// A descriptor, closed when it goes.
struct Descriptor {
  int fd = -1;
  Descriptor() = default;
  explicit Descriptor(int number) : fd(number) {}
  Descriptor(Descriptor&& other) noexcept : fd(std::exchange(other.fd, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd, other.fd);
    return *this;
  }
  ~Descriptor() { close(); }
  void close() {
    if (fd >= 0) ::close(fd);
    fd = -1;
  }
};

Error os_error(const std::string& what) { return {ErrorCode::io, what + ": " + std::strerror(errno)}; }

struct Pipe {
  Descriptor read, write;
  static Result<Pipe> make() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return os_error("pipe");
    Pipe pipe;
    pipe.read = Descriptor(ends[0]);
    Descriptor low(ends[1]);
    // A dup2 onto its own number would keep close-on-exec.
    pipe.write = Descriptor(::fcntl(low.fd, F_DUPFD_CLOEXEC, kFirstFree));
    if (pipe.write.fd < 0) return os_error("pipe");
    return pipe;
  }
};

/// A process that is killed and reaped unless it was waited for.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    signal(SIGKILL);
    wait();
  }
  void signal(int number) const { ::kill(pid_, number); }
  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }
  /// The status when it has ended already.
  std::optional<int> ended() {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_;
};

Result<pid_t> spawn(const ChildCommand& command, int messages, int lines) {
  std::vector<std::string> words{command.program};
  words.insert(words.end(), command.arguments.begin(), command.arguments.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  std::vector<std::string> added;
  for (const auto& variable : command.environment) {
    const auto name = std::string_view(variable).substr(0, variable.find('=') + 1);
    bool set = false;
    for (char** known = environ; *known != nullptr && !set; ++known) set = std::string_view(*known).starts_with(name);
    if (!set) added.push_back(variable);
  }
  std::vector<char*> environment;
  for (char** known = environ; *known != nullptr; ++known) environment.push_back(*known);
  for (auto& variable : added) environment.push_back(variable.data());
  environment.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, messages, 1);
  ::posix_spawn_file_actions_adddup2(&actions, messages, 2);
  ::posix_spawn_file_actions_adddup2(&actions, lines, 3);
  pid_t pid = -1;
  const int code = ::posix_spawn(&pid, command.program.c_str(), &actions, nullptr, argv.data(), environment.data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (code != 0)
    return Error{ErrorCode::unavailable, command.program + " cannot be started: " + std::strerror(code)};
  return pid;
}

/// Hands what can be read to `sink` and closes `from` at its end.
template <class Sink>
void read_from(Descriptor& from, short events, Sink&& sink) {
  if (from.fd < 0 || (events & (POLLIN | POLLHUP | POLLERR)) == 0) return;
  char buffer[8192];
  const ssize_t n = ::read(from.fd, buffer, sizeof buffer);
  if (n > 0) sink(std::string_view(buffer, static_cast<std::size_t>(n)));
  else if (n == 0 || errno != EINTR) from.close();
}

}  // namespace

std::string ChildEnd::last_message() const {
  const auto last = messages.find_last_not_of('\n');
  if (last == std::string::npos) return "";
  const auto before = messages.find_last_of('\n', last);
  const auto first = before == std::string::npos ? 0 : before + 1;
  return messages.substr(first, last + 1 - first);
}

Result<ChildEnd> run_child(const ChildCommand& command, const ChildWatch& watch) {
  PENCHANT_TRY(lines, Pipe::make());
  PENCHANT_TRY(messages, Pipe::make());
  PENCHANT_TRY(pid, spawn(command, messages.write.fd, lines.write.fd));
  Child child(pid);
  lines.write.close();
  messages.write.close();

  ChildEnd end;
  std::string line;
  std::optional<Clock::time_point> told;  // to stop
  bool killed = false;
  const auto stop = [&] {
    if (end.stopped) return;
    end.stopped = true;
    told = Clock::now();
    child.signal(SIGTERM);
  };
  auto asked = Clock::now();
  const auto look_after = [&] {  // between two reads
    const auto now = Clock::now();
    if (now - asked >= std::chrono::milliseconds(kPollMs)) {
      asked = now;
      if (!end.stopped && watch.on_wait && !watch.on_wait()) stop();
    }
    if (!told || killed || std::chrono::duration<double>(now - *told).count() <= watch.grace_seconds) return;
    child.signal(SIGKILL);
    killed = true;
    lines.read.close();  // a grandchild may hold the pipes open for as long as it likes
    messages.read.close();
  };
  while (lines.read.fd >= 0 || messages.read.fd >= 0) {
    pollfd waiting[2] = {{lines.read.fd, POLLIN, 0}, {messages.read.fd, POLLIN, 0}};
    if (::poll(waiting, 2, kPollMs) < 0 && errno != EINTR) return os_error("poll");
    read_from(lines.read, waiting[0].revents, [&](std::string_view bytes) {
      for (const char c : bytes) {
        if (c != '\n') {
          if (line.size() < kMaxLine) line.push_back(c);
          continue;
        }
        if (!end.stopped && watch.on_line && !watch.on_line(line)) stop();
        line.clear();
      }
    });
    read_from(messages.read, waiting[1].revents, [&](std::string_view bytes) {
      end.messages.append(bytes);
      if (end.messages.size() > kMaxMessages) end.messages.erase(0, end.messages.size() - kKeptMessages);
    });
    look_after();
  }
  std::optional<int> ended;
  for (int pause_ms = 1; !(ended = child.ended()); pause_ms = std::min(2 * pause_ms, kPollMs)) {
    ::poll(nullptr, 0, pause_ms);  // it closed its descriptors and lives on
    look_after();
  }
  const int status = *ended;
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  else end.code = WEXITSTATUS(status);
  return end;
}

}  // namespace penchant
