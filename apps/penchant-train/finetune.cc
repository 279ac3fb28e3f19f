#include "finetune.h"

#include <algorithm>
#include <cstdio>
#include <thread>

#include "penchant/learn/finetune.h"

namespace penchant::app {

CLI::App* declare_finetune(CLI::App& app, FinetuneArguments& a) {
  auto* verb = app.add_subcommand("finetune", "a copy of a release whose user model learns another model's task");
  verb->add_option("--from", a.from, "folder of the release")->required();
  verb->add_option("--to", a.to, "folder of the copy")->required();
  verb->add_option("--outcomes", a.outcomes, "file of histories and outcomes")->required();
  verb->add_option("--seed", a.seed, "same seed, data and threads: same weights")->capture_default_str();
  verb->add_option("--threads", a.threads, "0: as many as the machine has");
  verb->add_option("--progress-json", a.progress_json, "write progress as JSON lines to this file, pipe or /dev/fd/N");
  verb->add_option("--set", a.settings, "settings as name=value, e.g. blocks=2");
  verb->add_flag("--quiet", a.quiet, "only errors");
  return verb;
}

Status run_finetune(const FinetuneArguments& a, const std::string& created, Report& report, const std::function<bool()>& go_on) {
  if (!a.progress_json.empty()) PENCHANT_DO(report.open_json(a.progress_json));
  learn::FinetuneOptions options;
  for (const auto& setting : a.settings) PENCHANT_DO(learn::apply_setting(options, setting));
  options.seed = a.seed;
  options.threads = a.threads > 0 ? a.threads : std::max(1U, std::thread::hardware_concurrency());
  PENCHANT_TRY(data, learn::read_outcomes(a.outcomes));
  PENCHANT_TRY(done, learn::finetune(a.from, a.to, created, data, options, [&](const Progress& p) {
    report.step(p);
    return go_on();
  }));
  char line[160];
  std::snprintf(line, sizeof line, "%zu outcomes, best epoch %u, validation AUC %.4f, of the release's own vectors %.4f", done.outcomes, done.best_epoch,
                done.epochs[done.best_epoch].valid_auc, done.epochs.front().valid_auc);
  report.note(line);
  return {};
}

}  // namespace penchant::app
