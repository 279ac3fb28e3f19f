#include "penchant/learn/launch.h"

#include <charconv>
#include <cstdlib>
#include <cstring>

namespace penchant::learn {
namespace {

const char* variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? nullptr : value;
}

/// \param least smallest value that is right
Result<std::uint32_t> number(const char* name, std::uint32_t least, std::uint32_t most) {
  const char* text = variable(name);
  if (text == nullptr) return invalid(std::string("WORLD_SIZE is set and ") + name + " is not: a launcher of several ranks sets both");
  std::uint32_t value = 0;
  const char* end = text + std::strlen(text);
  const auto [at, error] = std::from_chars(text, end, value);
  if (error != std::errc{} || at != end || value < least || value > most)
    return invalid(std::string(name) + "=" + text + ": a number from " + std::to_string(least) + " to " + std::to_string(most) + " is expected");
  return value;
}

}  // namespace

Result<Launch> launch_from_environment() {
  constexpr std::uint32_t kMostRanks = 1U << 16;
  Launch launch;
  if (variable("WORLD_SIZE") == nullptr) return launch;
  PENCHANT_TRY(size, number("WORLD_SIZE", 1, kMostRanks));
  launch.size = size;
  if (launch.alone()) return launch;
  PENCHANT_TRY(rank, number("RANK", 0, size - 1));
  PENCHANT_TRY(port, number("MASTER_PORT", 1, 65535));
  const char* address = variable("MASTER_ADDR");
  if (address == nullptr) return invalid("WORLD_SIZE is set and MASTER_ADDR is not: a launcher of several ranks sets both");
  launch.rank = rank;
  launch.port = static_cast<std::uint16_t>(port);
  launch.address = address;
  if (variable("LOCAL_WORLD_SIZE") != nullptr) {
    PENCHANT_TRY(local, number("LOCAL_WORLD_SIZE", 1, size));
    launch.local_size = local;
  }
  const char* agent = variable("TORCHELASTIC_USE_AGENT_STORE");
  launch.launcher_meets = agent != nullptr && std::strcmp(agent, "True") == 0;
  if (const char* attempt = variable("TORCHELASTIC_RESTART_COUNT")) launch.attempt = attempt;
  return launch;
}

}  // namespace penchant::learn
