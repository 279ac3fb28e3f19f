/// \file eval: models against baselines on held-out events.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "context.h"
#include "eval_search.h"
#include "evaluation_inputs.h"
#include "penchant/artifact/files.h"
#include "penchant/evaluate/report/report.h"
#include "penchant/evaluate/runner.h"
#include "terminal.h"

namespace penchant::app {
namespace {

struct Options {
  std::string protocol = "last-out", control = "none", stage = "test", cold_by = "random";
  std::vector<std::string> models, settings;
  std::string release, json, csv, html, folder;
  std::vector<std::string> ties{"given"};
  double cold_share = 0.05;
  bool all_targets = false, allow_seen = false, slices = false;
  evaluate::RunOptions run;
  SearchOptions search;  ///< --search; its models, seed, resamples and JSON are those above
};

Result<evaluate::RunOptions> run_options(const Options& o) {
  evaluate::RunOptions run = o.run;
  PENCHANT_TRY(kind, evaluate::parse_kind(o.protocol));
  PENCHANT_TRY(control, evaluate::parse_control(o.control));
  run.protocol.kind = kind;
  run.control = control;
  run.protocol.targets = o.all_targets ? evaluate::Targets::all : evaluate::Targets::first;
  run.protocol.cold_share = o.cold_share;
  PENCHANT_TRY(cold_by, catalog::parse_cold_by(o.cold_by));
  run.protocol.cold_by = cold_by;
  run.ties.clear();
  for (const auto& word : o.ties) {
    if (word != "given" && word != "shuffled") return invalid("--ties " + word + ": known are given, shuffled");
    run.ties.push_back(word == "given" ? evaluate::Ties::given : evaluate::Ties::shuffled);
  }
  if (o.stage != "test" && o.stage != "validation") return invalid("--stage " + o.stage + ": known are test, validation");
  run.stage = o.stage == "test" ? evaluate::Stage::test : evaluate::Stage::validation;
  run.export_folder = o.folder;
  return run;
}

Result<std::vector<evaluate::ModelSource>> sources_of(Context& context, const Options& options) {
  evaluate::SourceOptions how{.names = options.models, .allow_seen = options.allow_seen, .settings = options.settings};
  auto release = context.release_folder(options.release);
  if (release.ok()) how.release_folder = *release;
  else if (!options.release.empty()) return std::move(release).error();
  how.baselines = baseline_context(context);
  PENCHANT_TRY(control, evaluate::parse_control(options.control));
  how.control = control;
  how.seed = options.run.seed;
  return evaluate::model_sources(how);
}

void print_report(const evaluate::Report& report, const Options& options) {
  std::printf("%s\n", evaluate::to_table(report).c_str());
  if (options.slices) std::printf("%s\n", evaluate::to_slice_table(report).c_str());
  for (const auto& sentence : evaluate::sentences(report)) std::printf("%s\n", wrapped(sentence, 0).c_str());
  for (const auto& note : report.notes) std::printf("%s\n", dim(wrapped(note, 0)).c_str());
  for (const auto* file : {&options.json, &options.csv, &options.html})
    if (!file->empty()) std::printf("Written: %s\n", file->c_str());
}

Status eval(Context& context, const Options& options, bool json_given) {
  PENCHANT_TRY(run, run_options(options));
  PENCHANT_TRY(store, context.store());
  PENCHANT_TRY(log, evaluate::load_events(*store, run.protocol.cold_by));
  PENCHANT_TRY(sources, sources_of(context, options));
  run.content = [&, store](Executor& executor, const ProgressSink& progress) {
    return evaluate::load_content(*store, content_options(context), executor, progress);
  };
  ProgressLine line(context.globals().quiet);
  PENCHANT_TRY(report, evaluate::run_models(log, sources, run, context.executor(), line.sink()));
  line.finish();
  if (!options.csv.empty()) PENCHANT_DO(artifact::write_file(options.csv, evaluate::to_csv(report)));
  if (!options.html.empty()) PENCHANT_DO(artifact::write_file(options.html, evaluate::to_html(report)));
  if (!options.json.empty()) PENCHANT_DO(artifact::write_file(options.json, evaluate::to_json(report)));
  if (context.globals().json || (json_given && options.json.empty()))
    std::printf("%s\n", evaluate::to_json(report).c_str());
  else
    print_report(report, options);
  return {};
}

Status search(Context& context, const Options& options, bool json_given) {
  SearchOptions how = options.search;
  how.models = options.models;
  how.seed = options.run.seed;
  how.resamples = options.run.resamples;
  how.json = options.json;
  how.json_to_stdout = context.globals().json || (json_given && options.json.empty());
  return eval_search(context, how);
}

/// What --models may name, one line each.
std::string known_models() {
  std::string text = "Models:\n  penchant, dense, generator: of the release\n";
  for (const auto& info : evaluate::baselines()) {
    std::string line = "  " + std::string(info.name);
    line.resize(std::max<std::size_t>(line.size() + 2, 20), ' ');
    text += line + std::string(info.what) + "\n";
  }
  return text + "  default: the release, popularity, popularity-recent, item-knn, transitions\n"
                "  classic: all that need no trainer; all: everything\n"
                "Settings of a baseline: --set MODEL.NAME=VALUE; penchant tune MODEL looks for good ones.";
}

}  // namespace

void add_eval(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  auto& how = options->run;
  auto* verb = app.add_subcommand("eval", "measure models on held-out events: full ranking, intervals, baselines");
  verb->add_option("--protocol", options->protocol, "last-out, time, cold, windows, or given: parts named by the event type")->capture_default_str();
  verb->add_option("--models", options->models, "names from below, or default, classic, all")->delimiter(',');
  verb->add_option("--set", options->settings, "MODEL.NAME=VALUE, e.g. --set ease.lambda=300");
  verb->add_option("--release", options->release, "release name (default: the live one)");
  verb->add_option("--ties", options->ties, "order of events of one moment: given, shuffled")->delimiter(',')->capture_default_str();
  verb->add_option("--control", options->control, "what must destroy a gain: shuffled-history, truncated-history, another-user, shuffled-codes, no-cold-lane")->capture_default_str();
  verb->add_option("--stage", options->stage, "test, or validation for tuning")->capture_default_str();
  verb->add_option("--seed", how.seed, "of tie shuffles, models and intervals")->capture_default_str();
  verb->add_option("--seeds", how.seeds, "run this many, from --seed on: mean, spread and intervals")->capture_default_str();
  verb->add_option("--resamples", how.resamples, "of the bootstrap, at least 1000")->capture_default_str();
  verb->add_option("--margin", how.margin, "call models level whose NDCG@10 differs by less, e.g. 0.002")->capture_default_str();
  verb->add_option("--against", how.against, "compare every other model with this one too, or with the best");
  verb->add_option("--users", how.max_users, "ask at most this many users, drawn with --seed; 0: all")->capture_default_str();
  verb->add_flag("--diversity", how.measure_diversity, "measure diversity of lists, which may encode all item texts first");
  verb->add_flag("--slices", options->slices, "print NDCG@10 by item frequency, new users, history length, item age");
  verb->add_flag("--all-targets", options->all_targets, "time and windows: every event of the window, not each user's first");
  verb->add_flag("--allow-seen", options->allow_seen, "mark, not refuse, a release that saw the held-out events");
  verb->add_option("--cold-share", options->cold_share, "cold: share of the items held out")->capture_default_str();
  verb->add_option("--cold-by", options->cold_by, "cold: random, first-seen for the newest, or an attribute with numbers, such as year")->capture_default_str();
  verb->add_option("--cold-seed", how.protocol.cold_seed, "cold: of the draw")->capture_default_str();
  verb->add_option("--search", options->search.judgments,
                   "search protocol instead: CSV of judged queries (query,item_id,grade); --models bm25,dense-text,random");
  verb->add_option("--relevant", options->search.relevant, "search: grades from here on count as relevant")->capture_default_str();
  verb->add_option("--zero-grade", options->search.zero_grade, "search: the grade that is worth nothing")->capture_default_str();
  auto* json = verb->add_option("--json", options->json, "write the result as JSON to FILE; without FILE to standard output");
  json->expected(0, 1);
  verb->add_option("--csv", options->csv, "write one row per model, setting, metric and slice to FILE");
  verb->add_option("--html", options->html, "write one page with plots to FILE");
  verb->add_option("--export", options->folder, "folder for one CSV of 50 ranks per model and setting");
  verb->footer(known_models());
  verb->callback([&run, options, json] {
    run = [options, given = json->count() > 0](Context& c) {
      if (!options->search.judgments.empty()) return search(c, *options, given);
      return eval(c, *options, given);
    };
  });
}

}  // namespace penchant::app
