#pragma once
/// \file The verbs `fit` and `encode`: baselines for `penchant eval`. Formats: docs/formats/sequences.md.
#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "penchant/base/result.h"
#include "report.h"

namespace penchant::app {

struct BaselineArguments {
  std::string sequences, model, out, progress_json, histories, folder;
  std::uint64_t seed = 1;
  std::uint32_t threads = 0;
  bool quiet = false;
  std::vector<std::string> settings;
};

CLI::App* declare_fit(CLI::App& app, BaselineArguments& arguments);
CLI::App* declare_encode(CLI::App& app, BaselineArguments& arguments);
/// \param go_on false cancels
Status run_fit(const BaselineArguments& arguments, Report& report, const std::function<bool()>& go_on);
Status run_encode(const BaselineArguments& arguments);

}  // namespace penchant::app
