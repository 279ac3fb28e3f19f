/// \file replay: what came after a release was trained, event by event; how soon new items are found.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "context.h"
#include "penchant/evaluate/replay/replay.h"
#include "terminal.h"

namespace penchant::app {
namespace {

Status replay(Context& context, const std::string& release, evaluate::ReplayOptions options) {
  PENCHANT_TRY(folder, context.release_folder(release));
  PENCHANT_TRY(store, context.store());
  options.encoder_dir = context.globals().encoder_dir;
  ProgressLine line(context.globals().quiet);
  options.progress = line.sink();
  PENCHANT_TRY(found, evaluate::replay(*store, folder, options, context.executor()));
  line.finish();
  std::printf("%s\n", context.globals().json ? evaluate::to_json(found).c_str() : evaluate::to_text(found).c_str());
  return {};
}

}  // namespace

void add_replay(CLI::App& app, Run& run) {
  auto release = std::make_shared<std::string>();
  auto options = std::make_shared<evaluate::ReplayOptions>();
  auto* verb = app.add_subcommand("replay", "what came after a release, event by event: how soon are new items found?");
  verb->add_option("--release", *release, "trained with --holdout time (default: the live one)");
  verb->add_option("-k", options->k, "places of a list")->check(CLI::Range(1, 1000))->capture_default_str();
  verb->add_option("--limit", options->limit, "lists at most, the earliest (default: all)");
  verb->add_option("--resamples", options->resamples, "of the bootstrap")->check(CLI::Range(1, 100'000))->capture_default_str();
  verb->callback([&run, release, options] { run = [release, options](Context& c) { return replay(c, *release, *options); }; });
}

}  // namespace penchant::app
