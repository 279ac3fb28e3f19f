/// \file tune: better settings of a baseline, looked for on validation events alone.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <filesystem>

#include "context.h"
#include "penchant/evaluate/content_vectors.h"
#include "penchant/evaluate/tune/tune.h"
#include "penchant/evaluate/tune/report.h"
#include "terminal.h"

namespace penchant::app {
namespace {

struct Options {
  std::string model, protocol = "last-out", ties = "given", seen;
  evaluate::TuneOptions tune;
};

Result<evaluate::TuneOptions> tune_options(const Context& context, const Options& o) {
  evaluate::TuneOptions tune = o.tune;
  PENCHANT_TRY(kind, evaluate::parse_kind(o.protocol));
  tune.protocol.kind = kind;
  tune.protocol.seed = tune.seed;
  if (o.ties != "given" && o.ties != "shuffled") return invalid("--ties " + o.ties + ": known are given, shuffled");
  tune.protocol.ties = o.ties == "given" ? evaluate::Ties::given : evaluate::Ties::shuffled;
  if (!o.seen.empty() && o.seen != "kept" && o.seen != "removed") return invalid("--seen " + o.seen + ": known are kept, removed");
  if (!o.seen.empty()) tune.seen = o.seen == "kept" ? evaluate::Seen::kept : evaluate::Seen::removed;
  tune.journal = context.globals().home + "/tune/" + o.model + "-" + o.protocol + ".jsonl";
  return tune;
}

/// A word as a shell reads it.
std::string quoted(const std::string& word) {
  if (word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/=+,:@") == std::string::npos) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

/// The command that measures what was chosen on the test events.
std::string eval_line(const Context& context, const Options& options, const evaluate::TuneReport& report) {
  std::string line = "penchant --home " + quoted(context.globals().home) + " eval --models " + options.model;
  for (const auto& word : evaluate::chosen_settings(report)) line += " --set " + options.model + "." + word;
  if (options.protocol != "last-out") line += " --protocol " + options.protocol;
  if (options.ties != "given") line += " --ties " + options.ties;
  if (options.tune.seed != 1) line += " --seed " + std::to_string(options.tune.seed);
  return line;
}

Status tune(Context& context, const Options& options) {
  if (options.model == "penchant" || options.model == "dense" || options.model == "generator")
    return invalid("the settings of a release are not searched here: train some with `penchant train --name N --no-promote "
                   "--set name=value` and compare them with `penchant eval --stage validation --models penchant --release N`");
  PENCHANT_TRY(tune, tune_options(context, options));
  evaluate::BaselineContext where{.cache_folder = context.globals().home + "/cache/baselines",
                                  .threads = context.globals().threads};
  const std::string trainer = context.globals().program_dir + "/penchant-train";
  if (std::filesystem::exists(trainer)) where.trainer = trainer;
  PENCHANT_TRY(subject, evaluate::tune_subject(options.model, where));
  PENCHANT_TRY(store, context.store());
  PENCHANT_TRY(log, evaluate::load_events(*store));
  ProgressLine line(context.globals().quiet);
  const auto use = evaluate::find_baseline(options.model)->content;
  if (use != evaluate::ContentUse::none) {
    auto loaded = evaluate::load_content(*store,
                                         {.encoder_dir = context.globals().encoder_dir,
                                          .cache_file = context.text_vectors()},
                                         context.executor(), line.sink());
    if (!loaded.ok() && (use == evaluate::ContentUse::needed || loaded.error().code != ErrorCode::invalid_argument)) return std::move(loaded).error();
    if (loaded.ok()) tune.content = std::move(loaded).value();
  }
  PENCHANT_TRY(report, evaluate::tune(log, subject, tune, context.executor(), line.sink()));
  line.finish();
  const std::string next = eval_line(context, options, report);
  if (context.globals().json) {
    std::string text = evaluate::to_json(report);
    text.pop_back();
    std::printf("%s,\"eval\":%s}\n", text.c_str(), boost::json::serialize(boost::json::string(next)).c_str());
    return {};
  }
  std::printf("%s\n%s\n", evaluate::to_table(report).c_str(), wrapped(evaluate::sentence(report), 0).c_str());
  if (!report.stopped.empty()) std::printf("The search ended because %s.\n", report.stopped.c_str());
  for (const auto& note : report.notes) std::printf("%s\n", wrapped("Note: " + note + ".", 0).c_str());
  std::printf("On the test events:\n\n    %s\n", next.c_str());
  return {};
}

}  // namespace

void add_tune(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand("tune", "look for better settings of a baseline, on validation events alone");
  verb->add_option("model", options->model, "baseline with settings: ease, ials, item-knn, sasrec, …")->required();
  verb->add_option("--trials", options->tune.trials, "in all, those of earlier runs included")->capture_default_str();
  verb->add_option("--minutes", options->tune.minutes, "begin no trial later than this; 0: no limit")->capture_default_str();
  verb->add_option("--set", options->tune.fixed, "name=value that stays as it is, e.g. --set dim=64");
  verb->add_option("--metric", options->tune.metric, "recall, ndcg or mrr at 5, 10 or 20")->capture_default_str();
  verb->add_option("--protocol", options->protocol, "last-out, time, cold, windows or given")->capture_default_str();
  verb->add_option("--ties", options->ties, "given, or shuffled inside each user")->capture_default_str();
  verb->add_option("--seen", options->seen, "seen items kept or removed (default: removed where repeats are rare)");
  verb->add_option("--seed", options->tune.seed, "of the search and of every fit")->capture_default_str();
  verb->callback([&run, options] {
    run = [options](Context& c) { return tune(c, *options); };
  });
}

}  // namespace penchant::app
