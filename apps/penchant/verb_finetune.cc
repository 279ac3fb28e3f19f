/// \file finetune: a copy of a release whose user model learns another model's task.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "context.h"
#include "outcome_rules.h"
#include "penchant/evaluate/downstream/finetune_outcomes.h"
#include "penchant/evaluate/trainer_process.h"
#include "penchant/service/training.h"
#include "terminal.h"

namespace penchant::app {
namespace {

struct FinetuneOptions {
  std::string release, name;
  OutcomeArguments outcomes{.judged = "validation"};
  evaluate::PeriodOptions periods{.validation_from = 0.8, .test_from = 0.9};
  std::uint64_t seed = 1;
  std::vector<std::string> settings;
};

std::string task_of(const OutcomeArguments& outcomes) {
  std::string text;
  for (const auto& rule : outcomes.positive) text += (text.empty() ? "" : ", ") + rule;
  return text.empty() ? "every learned event" : text;
}

Status finetune(Context& context, const FinetuneOptions& options) {
  PENCHANT_DO(service::check_release_name(options.name));
  const std::string to = context.models_dir() + "/" + options.name;
  if (std::filesystem::exists(to + "/manifest.json"))
    return Error{ErrorCode::already_exists, "release \"" + options.name + "\" exists already; choose another --name"};
  PENCHANT_TRY(from, context.release_folder(options.release));
  PENCHANT_TRY(rules, outcome_options(options.outcomes));
  auto cut = options.periods;
  PENCHANT_DO(set_judged_periods(options.outcomes, cut));
  PENCHANT_TRY(store, context.store());
  PENCHANT_TRY(log, evaluate::load_outcomes(*store, rules));
  PENCHANT_TRY(events, evaluate::load_events(*store));
  PENCHANT_TRY(periods, evaluate::cut_periods(log.outcomes, cut));
  if (std::ranges::all_of(log.outcomes, &evaluate::Outcome::positive)) evaluate::sample_negatives(periods, log.item_ids.size(), 1, options.seed);
  PENCHANT_TRY(model, recommend::UserModel::load(from));
  auto data = evaluate::finetune_data(periods, events, *model);
  data.task = task_of(options.outcomes);

  const std::string file = context.globals().home + "/finetune-" + options.name + ".safetensors";
  PENCHANT_DO(learn::write_outcomes(file, data));
  std::vector<std::string> arguments{"finetune", "--from", from, "--to", to, "--outcomes", file, "--seed", std::to_string(options.seed),
                                     "--progress-json", "/dev/fd/3"};
  if (context.globals().threads > 0) arguments.insert(arguments.end(), {"--threads", std::to_string(context.globals().threads)});
  for (const auto& setting : options.settings) arguments.insert(arguments.end(), {"--set", setting});
  ProgressLine line(context.globals().quiet);
  const Status done = evaluate::run_trainer(context.trainer(), std::move(arguments), "fine-tune", line.sink());
  std::error_code ignored;
  std::filesystem::remove(file, ignored);
  PENCHANT_DO(done);
  line.finish();
  std::printf(context.globals().json ? "{\"release\":\"%s\",\"outcomes\":%zu}\n"
                                     : "copy %s, learned from %zu outcomes; its user vectors are for other models, its lists are not\n",
              options.name.c_str(), data.outcomes.size());
  return {};
}

}  // namespace

void add_finetune(CLI::App& app, Run& run) {
  auto options = std::make_shared<FinetuneOptions>();
  auto* verb = app.add_subcommand("finetune", "a copy of a release whose user model learns another model's task");
  verb->add_option("--release", options->release, "release to start from (default: the live one)");
  verb->add_option("--name", options->name, "name of the copy")->required();
  add_outcome_rules(*verb, options->outcomes);
  verb->add_option("--validation-from", options->periods.validation_from, "share of the outcomes that are learned from")->capture_default_str();
  verb->add_option("--test-from", options->periods.test_from, "share of the outcomes before which the early stop looks")->capture_default_str();
  verb->add_option("--seed", options->seed, "same seed and data, same copy")->capture_default_str();
  verb->add_option("--set", options->settings, "settings of the training, e.g. --set blocks=2 (penchant-train finetune --help)");
  verb->callback([&run, options] { run = [options](Context& c) { return finetune(c, *options); }; });
}

}  // namespace penchant::app
