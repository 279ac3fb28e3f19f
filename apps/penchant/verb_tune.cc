/// \file tune: better settings of a baseline or of the user model, looked for on validation events alone.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>

#include "context.h"
#include "evaluation_inputs.h"
#include "penchant/evaluate/tune/release_subject.h"
#include "penchant/evaluate/tune/report.h"
#include "penchant/evaluate/tune/tune.h"
#include "terminal.h"

namespace penchant::app {
namespace {

struct Options {
  std::string model, protocol = "last-out", ties = "given", seen, preset = "auto";
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

/// The command that measures what was chosen on the test events; of a release the one that trains it,
/// which measures it too.
std::string next_line(const Context& context, const Options& options, const evaluate::TuneReport& report) {
  std::string line = "penchant --home " + quoted(context.globals().home);
  if (evaluate::is_release_column(options.model)) {
    line += " train";
    if (options.preset != "auto") line += " --preset " + options.preset;
    if (options.protocol != "last-out") line += " --holdout " + options.protocol;
    if (options.tune.seed != 1) line += " --seed " + std::to_string(options.tune.seed);
    for (const auto& word : evaluate::chosen_settings(report)) line += " --set " + word;
    return line;
  }
  line += " eval --models " + options.model;
  for (const auto& word : evaluate::chosen_settings(report)) line += " --set " + options.model + "." + word;
  if (options.protocol != "last-out") line += " --protocol " + options.protocol;
  if (options.ties != "given") line += " --ties " + options.ties;
  if (options.tune.seed != 1) line += " --seed " + std::to_string(options.tune.seed);
  return line;
}

Result<evaluate::TuneSubject> subject_of(const Context& context, const Options& options, store::Store& store) {
  const auto where = baseline_context(context);
  if (!evaluate::is_release_column(options.model)) return evaluate::tune_subject(options.model, where);
  PENCHANT_TRY(counts, store.counts());
  return evaluate::release_subject(options.model, {.home = context.globals().home,
                                                   .trainer = where.trainer,
                                                   .encoder_dir = context.globals().encoder_dir,
                                                   .preset = options.preset,
                                                   .events = counts.events,
                                                   .users = counts.users,
                                                   .threads = where.threads});
}

/// Content of the catalogue where the model reads it from its FitInput; a release reads the store.
Result<evaluate::ContentVectors> content_of(Context& context, const Options& options, store::Store& store,
                                            const ProgressSink& progress) {
  const auto* baseline = evaluate::find_baseline(options.model);
  if (baseline == nullptr || baseline->content == evaluate::ContentUse::none) return evaluate::ContentVectors{};
  auto loaded = evaluate::load_content(store, content_options(context), context.executor(), progress);
  const bool optional = baseline->content == evaluate::ContentUse::welcome;
  if (!loaded.ok() && optional && loaded.error().code == ErrorCode::invalid_argument) return evaluate::ContentVectors{};
  return loaded;
}

Status tune(Context& context, const Options& options) {
  PENCHANT_TRY(tune, tune_options(context, options));
  PENCHANT_TRY(store, context.store());
  PENCHANT_TRY(subject, subject_of(context, options, *store));
  PENCHANT_TRY(log, evaluate::load_events(*store));
  ProgressLine line(context.globals().quiet);
  PENCHANT_TRY(content, content_of(context, options, *store, line.sink()));
  tune.content = std::move(content);
  PENCHANT_TRY(report, evaluate::tune(log, subject, tune, context.executor(), line.sink()));
  line.finish();
  const std::string next = next_line(context, options, report);
  if (context.globals().json) {
    std::string text = evaluate::to_json(report);
    text.pop_back();
    std::printf("%s,\"eval\":%s}\n", text.c_str(), boost::json::serialize(boost::json::string(next)).c_str());
    return {};
  }
  std::printf("%s\n%s\n", evaluate::to_table(report).c_str(), wrapped(evaluate::sentence(report), 0).c_str());
  if (!report.stopped.empty()) std::printf("The search ended because %s.\n", report.stopped.c_str());
  for (const auto& note : report.notes) std::printf("%s\n", wrapped("Note: " + note + ".", 0).c_str());
  std::printf("%s:\n\n    %s\n", evaluate::is_release_column(options.model) ? "To train it" : "On the test events", next.c_str());
  return {};
}

}  // namespace

void add_tune(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand("tune", "look for better settings of a baseline or of the user model, on validation events alone");
  verb->add_option("model", options->model, "penchant, dense or generator; or a baseline with settings: ease, ials, sasrec, …")->required();
  verb->add_option("--trials", options->tune.trials, "in all, those of earlier runs included")->capture_default_str();
  verb->add_option("--minutes", options->tune.minutes, "begin no trial later than this; 0: no limit")->capture_default_str();
  verb->add_option("--set", options->tune.fixed, "name=value that stays as it is, e.g. --set dim=64");
  verb->add_option("--metric", options->tune.metric, "recall, ndcg or mrr at 5, 10 or 20")->capture_default_str();
  verb->add_option("--protocol", options->protocol, "last-out, time, cold, windows or given")->capture_default_str();
  verb->add_option("--ties", options->ties, "given, or shuffled inside each user")->capture_default_str();
  verb->add_option("--seen", options->seen, "seen items kept or removed (default: removed where repeats are rare)");
  verb->add_option("--preset", options->preset, "of a release: whose settings are the defaults, as in train")->capture_default_str();
  verb->add_option("--seed", options->tune.seed, "of the search and of every fit")->capture_default_str();
  verb->callback([&run, options] {
    run = [options](Context& c) { return tune(c, *options); };
  });
}

}  // namespace penchant::app
