/// \file embeddings evaluate: what the user model is worth inside another model.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "context.h"
#include "outcome_rules.h"
#include "penchant/evaluate/downstream/downstream.h"
#include "terminal.h"

namespace penchant::app {
namespace {

struct EvaluateOptions {
  std::string release, finetuned;
  std::vector<std::string> retrained;
  OutcomeArguments outcomes;
  evaluate::DownstreamOptions how;
};

Result<std::unique_ptr<recommend::UserModel>> load(Context& context, const std::string& release) {
  PENCHANT_TRY(folder, context.release_folder(release));
  return recommend::UserModel::load(folder);
}

Status evaluate_downstream(Context& context, EvaluateOptions options) {
  PENCHANT_TRY(outcomes, outcome_options(options.outcomes));
  auto& how = options.how;
  PENCHANT_DO(set_judged_periods(options.outcomes, how.periods));
  PENCHANT_TRY(store, context.store());
  PENCHANT_TRY(log, evaluate::load_outcomes(*store, outcomes));
  PENCHANT_TRY(events, evaluate::load_events(*store));
  std::vector<std::unique_ptr<recommend::UserModel>> loaded;
  const auto named = [&](const std::string& name) -> Result<evaluate::NamedUserModel> {
    PENCHANT_TRY(model, load(context, name));
    loaded.push_back(std::move(model));
    return evaluate::NamedUserModel{loaded.back()->manifest().name, loaded.back().get()};
  };
  evaluate::DownstreamModels models;
  PENCHANT_TRY(release, named(options.release));
  models.release = release;
  if (!options.finetuned.empty()) {
    PENCHANT_TRY(copy, named(options.finetuned));
    models.finetuned = copy;
  }
  for (const auto& name : options.retrained) {
    PENCHANT_TRY(again, named(name));
    models.retrained.push_back(again);
  }
  ProgressLine line(context.globals().quiet);
  how.progress = line.sink();
  PENCHANT_TRY(found, evaluate::measure_downstream(log, events, models, how, context.executor()));
  line.finish();
  std::printf("%s\n", context.globals().json ? evaluate::to_json(found).c_str() : evaluate::to_text(found).c_str());
  return {};
}

}  // namespace

void add_embeddings_evaluate(CLI::App& embeddings, Run& run) {
  auto options = std::make_shared<EvaluateOptions>();
  auto& how = options->how;
  auto* verb = embeddings.add_subcommand("evaluate", "what the user model is worth inside another model: pushed, inline, fine-tuned");
  verb->add_option("--release", options->release, "user model, trained with --holdout time (default: the live one)");
  verb->add_option("--finetuned", options->finetuned, "release made by penchant finetune, judged beside it");
  verb->add_option("--retrained", options->retrained, "releases put in its place, the other model left as it is")->delimiter(',');
  add_outcome_rules(*verb, options->outcomes);
  verb->add_option("--negatives", how.negatives, "drawn per positive where there are none")->capture_default_str();
  verb->add_option("--refresh", how.refresh_days, "days between two pushes, several to compare them")->delimiter(',')->capture_default_str();
  add_judged_periods(*verb, options->outcomes, how.periods);
  verb->add_option("--history", how.model.history, "newest positives, and newest others, that the other model reads by itself")->capture_default_str();
  verb->add_option("--passes", how.passes, "over every period when it is learned")->capture_default_str();
  verb->add_option("--rate", how.model.rate, "learning rate of the network")->capture_default_str();
  verb->add_option("--table-rate", how.model.table_rate, "learning rate of the item table")->capture_default_str();
  verb->add_option("--batch", how.model.batch, "outcomes per step")->capture_default_str();
  verb->add_option("--seeds", how.seeds, "of the other model; figures are means over them")->delimiter(',')->capture_default_str();
  verb->callback([&run, options] { run = [options](Context& c) { return evaluate_downstream(c, *options); }; });
}

}  // namespace penchant::app
