#pragma once
/// \file finetune: a copy of a release whose user model learns another model's task.
#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "penchant/base/result.h"
#include "report.h"

namespace penchant::app {

struct FinetuneArguments {
  std::string from, to, outcomes, progress_json;
  std::uint64_t seed = 1;
  std::uint32_t threads = 0;
  std::vector<std::string> settings;
  bool quiet = false;
};

CLI::App* declare_finetune(CLI::App& app, FinetuneArguments& a);
/// \param go_on false cancels; \param created ISO 8601, for the manifest
Status run_finetune(const FinetuneArguments& a, const std::string& created, Report& report, const std::function<bool()>& go_on);

}  // namespace penchant::app
