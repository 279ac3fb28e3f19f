/// \file eval: models against baselines on held-out events.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "context.h"
#include "penchant/artifact/files.h"
#include "penchant/evaluate/report.h"
#include "penchant/evaluate/runner.h"
#include "terminal.h"

namespace penchant::app {
namespace {

struct Options {
  std::string protocol = "last-out";
  std::vector<std::string> models;
  std::string release, json, folder;
  std::vector<std::string> ties{"given"};
  std::string stage = "test";
  std::uint64_t seed = 1;
  std::size_t resamples = 1000;
  bool all_targets = false, allow_seen = false;
};

Result<evaluate::RunOptions> run_options(const Options& o) {
  evaluate::RunOptions run;
  PENCHANT_TRY(kind, evaluate::parse_kind(o.protocol));
  run.protocol.kind = kind;
  run.protocol.targets = o.all_targets ? evaluate::Targets::all : evaluate::Targets::first;
  run.ties.clear();
  for (const auto& word : o.ties) {
    if (word != "given" && word != "shuffled") return invalid("--ties " + word + ": known are given, shuffled");
    run.ties.push_back(word == "given" ? evaluate::Ties::given : evaluate::Ties::shuffled);
  }
  if (o.stage != "test" && o.stage != "validation") return invalid("--stage " + o.stage + ": known are test, validation");
  run.stage = o.stage == "test" ? evaluate::Stage::test : evaluate::Stage::validation;
  run.seed = o.seed;
  run.resamples = o.resamples;
  run.export_folder = o.folder;
  return run;
}

Status eval(Context& context, const Options& options, bool json_given) {
  PENCHANT_TRY(run, run_options(options));
  PENCHANT_TRY(store, context.store());
  PENCHANT_TRY(log, evaluate::load_events(*store));
  std::string folder;
  auto release = context.release_folder(options.release);
  if (release.ok()) folder = *release;
  else if (!options.release.empty()) return std::move(release).error();
  PENCHANT_TRY(sources, evaluate::model_sources(options.models, folder, options.allow_seen));
  ProgressLine line(context.globals().quiet);
  PENCHANT_TRY(report, evaluate::run_models(log, sources, run, context.executor(), line.sink()));
  line.finish();
  const bool json_to_stdout = context.globals().json || (json_given && options.json.empty());
  if (json_to_stdout) {
    std::printf("%s\n", evaluate::to_json(report).c_str());
    return {};
  }
  if (!options.json.empty()) PENCHANT_DO(artifact::write_file(options.json, evaluate::to_json(report)));
  std::printf("%s\n", evaluate::to_table(report).c_str());
  for (const auto& sentence : evaluate::sentences(report)) std::printf("%s\n", wrapped(sentence, 0).c_str());
  for (const auto& note : report.notes) std::printf("%s\n", dim(wrapped(note, 0)).c_str());
  return {};
}

}  // namespace

void add_eval(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand("eval", "measure models on held-out events: full ranking, intervals, baselines");
  verb->add_option("--protocol", options->protocol, "last-out or time")->capture_default_str();
  verb->add_option("--models", options->models, "penchant, dense, generator, popularity, item-knn, transitions")->delimiter(',');
  verb->add_option("--release", options->release, "release name (default: the live one)");
  verb->add_option("--ties", options->ties, "order of events of one moment: given, shuffled")->delimiter(',')->capture_default_str();
  verb->add_option("--stage", options->stage, "test, or validation for tuning")->capture_default_str();
  verb->add_option("--seed", options->seed, "of tie shuffles and intervals")->capture_default_str();
  verb->add_option("--resamples", options->resamples, "of the bootstrap, at least 1000")->capture_default_str();
  verb->add_flag("--all-targets", options->all_targets, "time protocol: every event of the window, not each user's first");
  verb->add_flag("--allow-seen", options->allow_seen, "mark, not refuse, a release that saw the held-out events");
  auto* json = verb->add_option("--json", options->json, "write the result as JSON to FILE; without FILE to standard output");
  json->expected(0, 1);
  verb->add_option("--export", options->folder, "folder for one CSV of 50 ranks per model and setting");
  verb->callback([&run, options, json] {
    run = [options, given = json->count() > 0](Context& c) { return eval(c, *options, given); };
  });
}

}  // namespace penchant::app
