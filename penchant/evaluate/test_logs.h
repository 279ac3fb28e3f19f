#pragma once
/// \file Event logs for the tests of this module: hand-written ones, and the real sets where present.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "penchant/evaluate/event_log.h"

namespace penchant::evaluate {

struct Step {
  std::uint32_t item;
  std::int64_t time_ms;
};

/// One sequence per user, users "u0", "u1", …, items "i0", "i1", ….
inline EventLog log_of(const std::vector<std::vector<Step>>& users, std::uint32_t items) {
  EventLog log;
  log.types = {"view"};
  for (std::uint32_t i = 0; i < items; ++i) log.item_ids.push_back("i" + std::to_string(i));
  for (std::size_t u = 0; u < users.size(); ++u) {
    log.user_ids.push_back("u" + std::to_string(u));
    for (const Step& step : users[u])
      log.events.push_back({.item = step.item, .type = 0, .time_ms = step.time_ms});
    log.offsets.push_back(log.events.size());
  }
  return log;
}

/// Folder of the public data sets, or nothing: tests that want them skip.
inline std::optional<std::filesystem::path> data_folder() {
  const char* named = std::getenv("PENCHANT_TEST_DATA");
  const std::filesystem::path folder =
      named != nullptr ? named : std::filesystem::path(PENCHANT_SOURCE_DIR) / "../shared/data";
  if (!std::filesystem::is_directory(folder)) return std::nullopt;
  return folder;
}

/// `events.csv` of the sequence sets: user_id,item_id,position[,days_since_first], in user order.
/// Time = the day where there is one, else the position.
inline EventLog read_sequences(const std::filesystem::path& folder) {
  constexpr std::int64_t kDay = 86'400'000;
  EventLog log;
  log.types = {"view"};
  std::map<std::string, std::uint32_t> items;
  std::ifstream file(folder / "events.csv");
  std::string line, user;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::stringstream fields(line);
    std::string who, item, position, day;
    std::getline(fields, who, ',');
    std::getline(fields, item, ',');
    std::getline(fields, position, ',');
    std::getline(fields, day, ',');
    if (log.user_ids.empty() || who != user) {
      user = who;
      log.user_ids.push_back(who);
      log.offsets.push_back(log.offsets.back());
    }
    const auto row = items.try_emplace(item, static_cast<std::uint32_t>(items.size())).first->second;
    if (row == log.item_ids.size()) log.item_ids.push_back(item);
    const std::int64_t time = day.empty() ? std::stoll(position) : std::stoll(day) * kDay;
    log.events.push_back({.item = row, .type = 0, .time_ms = time});
    ++log.offsets.back();
  }
  return log;
}

}  // namespace penchant::evaluate
