// Accuracy figures against an independent implementation, from the lists that anyone can export.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "penchant/artifact/files.h"
#include "penchant/base/rng.h"
#include "penchant/evaluate/report/report.h"
#include "penchant/evaluate/runner.h"
#include "penchant/evaluate/test_logs.h"

namespace penchant::evaluate {
namespace {

/// Neighbouring items follow each other, so that there is something to hit.
EventLog walks(std::size_t users, std::uint32_t items) {
  Rng rng(12);
  std::vector<std::vector<Step>> steps(users);
  for (auto& user : steps) {
    auto at = static_cast<std::uint32_t>(rng.below(items));
    for (std::int64_t t = 0; t < 5 + static_cast<std::int64_t>(rng.below(12)); ++t) {
      at = (at + 1 + static_cast<std::uint32_t>(rng.below(6))) % items;
      user.push_back({at, t});
    }
  }
  return log_of(steps, items);
}

TEST(MetricsParity, EveryFigureEqualsTheReferenceOnTheSameLists) {
  std::string made = (std::filesystem::temp_directory_path() / "penchant_parity_XXXXXX").string();
  const std::filesystem::path folder = mkdtemp(made.data());
  const EventLog log = walks(700, 150);
  Executor executor(2);
  const auto sources = model_sources({}).value();
  const auto report = run_models(log, sources, {.export_folder = (folder / "lists").string()}, executor).value();
  ASSERT_TRUE(artifact::write_file((folder / "report.json").string(), to_json(report)).ok());
  const auto split = Split::make(log, {}).value();
  std::string targets = "user_id,item_id\n";
  for (const Case& c : split.cases(Stage::test)) targets += log.user_ids[c.user] + "," + log.item_ids[c.target] + "\n";
  ASSERT_TRUE(artifact::write_file((folder / "targets.csv").string(), targets).ok());

  const char* given = std::getenv("PENCHANT_TEST_PYTHON");
  const std::string python = given != nullptr ? given : PENCHANT_PYTHON;
  const auto quoted = [](const std::string& word) { return "'" + word + "'"; };
  const std::string command = quoted(python) + " " + quoted(PENCHANT_SOURCE_DIR "/tests/parity/metrics_reference.py") +
                              " " + quoted((folder / "report.json").string()) + " " + quoted((folder / "lists").string()) +
                              " " + quoted((folder / "targets.csv").string()) + " > " + quoted((folder / "out").string()) +
                              " 2>&1";
  const int status = std::system(command.c_str());
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  std::stringstream said;
  said << std::ifstream(folder / "out").rdbuf();
  std::filesystem::remove_all(folder);
  if (code == 77 || code == 126 || code == 127) GTEST_SKIP() << "MetricsParity: " << python << " cannot import ranx";
  EXPECT_EQ(code, 0) << said.str();
  std::printf("[ parity   ] %s", said.str().c_str());
}

}  // namespace
}  // namespace penchant::evaluate
