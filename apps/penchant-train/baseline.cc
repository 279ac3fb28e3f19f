#include "baseline.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

#include "penchant/learn/baseline_model.h"
#include "penchant/learn/refit.h"
#include "penchant/learn/sequences.h"
#include "penchant/learn/towers.h"
#include "penchant/learn/trainer.h"

namespace penchant::app {
namespace {

std::uint32_t threads_of(const BaselineArguments& a) {
  return a.threads > 0 ? a.threads : std::max(1u, std::thread::hardware_concurrency());
}

/// What follows from the settings: windows of a long history do not overlap, so every event is learned from once.
void settle(learn::TrainOptions& options) { options.stride = options.max_len; }
void settle(learn::TowerOptions&) {}

/// Sets, checks, trains and writes one model, whatever its options are.
template <class Options, class Train>
Status fit(const BaselineArguments& a, Options options, const Train& train, Report& report, const std::function<bool()>& go_on) {
  for (const std::string& setting : a.settings) PENCHANT_DO(learn::apply_setting(options, setting));
  settle(options);
  options.seed = a.seed;
  options.threads = threads_of(a);
  PENCHANT_DO(learn::validate(options));
  PENCHANT_TRY(data, learn::read_sequences(a.sequences));
  const auto started = std::chrono::steady_clock::now();
  PENCHANT_TRY(model, train(data, options, [&](const learn::TrainProgress& p) {
    report.training(p);
    return go_on();
  }));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  char line[160];
  std::snprintf(line, sizeof line, "%s: best epoch %u, validation NDCG@10 %.4f, %.0f s", a.model.c_str(), model.best_epoch,
                model.best_ndcg10, seconds);
  report.note(line);
  return learn::write_baseline(a.out, a.model, options, model, seconds);
}

}  // namespace

CLI::App* declare_fit(CLI::App& app, BaselineArguments& a) {
  auto* verb = app.add_subcommand("fit", "train a baseline on a file of sequences");
  verb->add_option("--sequences", a.sequences, "training histories and validation cases")->required();
  verb->add_option("--model", a.model, "gru4rec, gru4rec-bprmax, sasrec, sasrec-sampled, sasrec-bce, sasrec-refit, gsasrec, bert4rec or m3csr")->required();
  verb->add_option("--out", a.out, "folder of the trained model")->required();
  verb->add_option("--seed", a.seed, "same seed, data and threads: same weights")->capture_default_str();
  verb->add_option("--threads", a.threads, "0: as many as the machine has");
  verb->add_option("--progress-json", a.progress_json, "write progress as JSON lines to this file, pipe or /dev/fd/N");
  verb->add_option("--set", a.settings, "settings as name=value");
  verb->add_flag("--quiet", a.quiet, "only errors");
  return verb;
}

CLI::App* declare_encode(CLI::App& app, BaselineArguments& a) {
  auto* verb = app.add_subcommand("encode", "user vectors of histories, from a trained baseline");
  verb->add_option("--model", a.folder, "folder of the trained model")->required();
  verb->add_option("--histories", a.histories, "file of histories")->required();
  verb->add_option("--out", a.out, "file for users, items and bias")->required();
  verb->add_option("--threads", a.threads, "0: as many as the machine has");
  return verb;
}

Status run_fit(const BaselineArguments& a, Report& report, const std::function<bool()>& go_on) {
  if (!a.progress_json.empty()) PENCHANT_DO(report.open_json(a.progress_json));
  if (a.model == learn::kTowersModel) return fit(a, learn::TowerOptions(), learn::train_towers, report, go_on);
  PENCHANT_TRY(options, learn::baseline_options(a.model));
  return fit(a, options, options.refit ? learn::train_then_refit : learn::train, report, go_on);
}

Status run_encode(const BaselineArguments& a) {
  PENCHANT_TRY(encoded, learn::encode(a.folder, a.histories, threads_of(a)));
  return learn::write_encoded(a.out, encoded);
}

}  // namespace penchant::app
