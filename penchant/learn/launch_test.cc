#include "penchant/learn/launch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

namespace penchant::learn {
namespace {

using ::testing::HasSubstr;

/// These variables alone, as long as it lives.
class LaunchEnvironment : public ::testing::Test {
 protected:
  void TearDown() override { set({}); }
  static Result<Launch> with(const std::map<std::string, std::string>& variables) {
    set(variables);
    return launch_from_environment();
  }
  static void set(const std::map<std::string, std::string>& variables) {
    for (const char* name : {"WORLD_SIZE", "RANK", "MASTER_ADDR", "MASTER_PORT", "LOCAL_WORLD_SIZE", "TORCHELASTIC_USE_AGENT_STORE", "TORCHELASTIC_RESTART_COUNT"})
      ::unsetenv(name);
    for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
  }
};

TEST_F(LaunchEnvironment, IsAloneWithoutALauncher) {
  const auto none = with({}), one = with({{"WORLD_SIZE", "1"}});
  ASSERT_TRUE(none.ok() && one.ok());
  EXPECT_TRUE(none->alone() && none->leads() && one->alone());
}

TEST_F(LaunchEnvironment, ReadsWhatTorchrunSets) {
  const auto l = with({{"WORLD_SIZE", "4"}, {"RANK", "3"}, {"MASTER_ADDR", "10.0.0.1"}, {"MASTER_PORT", "29500"}, {"LOCAL_WORLD_SIZE", "2"},
                       {"TORCHELASTIC_USE_AGENT_STORE", "True"}, {"TORCHELASTIC_RESTART_COUNT", "1"}});
  ASSERT_TRUE(l.ok()) << l.error().message;
  EXPECT_EQ(l->rank, 3u);
  EXPECT_EQ(l->size, 4u);
  EXPECT_EQ(l->local_size, 2u);
  EXPECT_EQ(l->address, "10.0.0.1");
  EXPECT_EQ(l->port, 29500);
  EXPECT_TRUE(l->launcher_meets);
  EXPECT_EQ(l->attempt, "1");
  EXPECT_FALSE(l->leads());
}

TEST_F(LaunchEnvironment, NamesTheVariableThatIsWrong) {
  const std::map<std::string, std::string> good{{"WORLD_SIZE", "2"}, {"RANK", "1"}, {"MASTER_ADDR", "host"}, {"MASTER_PORT", "29500"}};
  for (const auto& [name, value] : std::map<std::string, std::string>{
           {"WORLD_SIZE", "two"}, {"RANK", "2"}, {"MASTER_PORT", "70000"}, {"RANK ", ""}, {"MASTER_ADDR", ""}}) {
    const std::string variable = name.substr(0, name.find(' '));
    auto bad = good;
    bad[variable] = value;
    const auto launch = with(bad);
    ASSERT_FALSE(launch.ok()) << variable;
    EXPECT_THAT(launch.error().message, HasSubstr(variable));
  }
}

}  // namespace
}  // namespace penchant::learn
