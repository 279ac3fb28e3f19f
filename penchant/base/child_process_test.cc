#include "penchant/base/child_process.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <stdexcept>

namespace penchant {
namespace {

Result<ChildEnd> shell(const std::string& script, const ChildWatch& watch = {}) {
  return run_child({.program = "/bin/sh", .arguments = {"-c", script}}, watch);
}

double seconds_of(const std::function<void()>& body) {
  const auto started = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
}

TEST(ChildProcess, LinesMessagesAndCodeComeBack) {
  std::vector<std::string> lines;
  const auto end = shell("echo one >&3; echo out; printf 'two\\nrest' >&3; echo err >&2; exit 7",
                         {.on_line = [&](std::string_view line) {
                           lines.emplace_back(line);
                           return true;
                         }});
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(lines, (std::vector<std::string>{"one", "two"}));  // a line without an end is no line
  EXPECT_EQ(end->code, 7);
  EXPECT_EQ(end->signal, 0);
  EXPECT_FALSE(end->stopped);
  EXPECT_EQ(end->messages, "out\nerr\n");
  EXPECT_EQ(end->last_message(), "err");
}

TEST(ChildProcess, LastMessageSkipsEmptyLines) {
  EXPECT_EQ((ChildEnd{.messages = "a\nb\n\n"}).last_message(), "b");
  EXPECT_EQ((ChildEnd{.messages = "only"}).last_message(), "only");
  EXPECT_EQ((ChildEnd{.messages = "\n\n"}).last_message(), "");
  EXPECT_EQ(ChildEnd{}.last_message(), "");
}

TEST(ChildProcess, AMissingProgramIsUnavailable) {
  const auto end = run_child({.program = "/nowhere/to/be/found"});
  ASSERT_FALSE(end.ok());
  EXPECT_EQ(end.error().code, ErrorCode::unavailable);
  EXPECT_NE(end.error().message.find("/nowhere/to/be/found"), std::string::npos);
}

TEST(ChildProcess, VariablesAreAddedButNeverReplaced) {
  ASSERT_EQ(::setenv("PENCHANT_CHILD_KNOWN", "mine", 1), 0);
  const auto end = run_child({.program = "/bin/sh",
                              .arguments = {"-c", "echo $PENCHANT_CHILD_KNOWN $PENCHANT_CHILD_NEW"},
                              .environment = {"PENCHANT_CHILD_KNOWN=theirs", "PENCHANT_CHILD_NEW=new"}});
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->messages, "mine new\n");
}

TEST(ChildProcess, ALineCanStopTheChildAndItMayTidyUp) {
  const auto end = shell("trap 'echo tidied; exit 6' TERM; echo go >&3; while :; do sleep 0.05; done",
                         {.on_line = [](std::string_view) { return false; }});
  ASSERT_TRUE(end.ok());
  EXPECT_TRUE(end->stopped);
  EXPECT_EQ(end->code, 6);
  EXPECT_EQ(end->messages, "tidied\n");
}

TEST(ChildProcess, ASilentChildIsStoppedBetweenItsLines) {
  Result<ChildEnd> end{ChildEnd{}};
  const double seconds = seconds_of([&] { end = shell("exec sleep 60", {.on_wait = [] { return false; }}); });
  ASSERT_TRUE(end.ok());
  EXPECT_TRUE(end->stopped);
  EXPECT_EQ(end->signal, SIGTERM);
  EXPECT_LT(seconds, 10);
}

TEST(ChildProcess, AChildThatIgnoresTheRequestIsKilledAfterTheGrace) {
  const auto end = shell("trap '' TERM; echo go >&3; while :; do sleep 0.05; done",
                         {.on_line = [](std::string_view) { return false; }, .grace_seconds = 0.3});
  ASSERT_TRUE(end.ok());
  EXPECT_TRUE(end->stopped);
  EXPECT_EQ(end->signal, SIGKILL);
}

TEST(ChildProcess, AChildThatClosesItsDescriptorsIsStillWaitedFor) {
  const auto end = shell("exec 1>&- 2>&- 3>&-; sleep 0.4; exit 5");
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->code, 5);
}

TEST(ChildProcess, HugeOutputIsCapped) {
  std::size_t longest = 0;
  const auto end = shell("head -c 300000 /dev/zero | tr '\\0' x >&2; echo last >&2;"
                         "head -c 300000 /dev/zero | tr '\\0' y >&3; echo >&3",
                         {.on_line = [&](std::string_view line) {
                           longest = std::max(longest, line.size());
                           return true;
                         }});
  ASSERT_TRUE(end.ok());
  EXPECT_LE(end->messages.size(), 1u << 16);
  EXPECT_TRUE(end->messages.ends_with("last\n"));
  EXPECT_EQ(longest, 1u << 16);
}

TEST(ChildProcess, AThrowingCallbackLeavesNoChildBehind) {
  pid_t pid = 0;
  EXPECT_THROW((void)shell("echo $$ >&3; exec sleep 60",
                           {.on_line =
                                [&](std::string_view line) -> bool {
                                  pid = std::stoi(std::string(line));
                                  throw std::runtime_error("stop");
                                }}),
               std::runtime_error);
  ASSERT_GT(pid, 0);
  EXPECT_NE(::kill(pid, 0), 0);  // killed and reaped
}

}  // namespace
}  // namespace penchant
