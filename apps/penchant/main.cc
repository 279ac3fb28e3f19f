/// \file The command line: options, verbs, exit codes. Each verb is one file, verb_*.cc.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "context.h"
#include "terminal.h"

namespace {

using namespace penchant;
using namespace penchant::app;

std::string default_encoder() {
  const char* cache = std::getenv("PENCHANT_CACHE");
  const char* xdg = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const std::string base = cache != nullptr ? cache
                           : xdg != nullptr ? std::string(xdg) + "/penchant"
                                            : std::string(home != nullptr ? home : ".") + "/.cache/penchant";
  const std::string folder = base + "/encoders/all-minilm-l6-v2";
  return std::filesystem::exists(folder + "/model.safetensors") ? folder : "";
}

int report(const Error& error) {
  const auto code = exit_of(error.code);
  std::fprintf(stderr, "penchant: %s\n", error.message.c_str());
  return static_cast<int>(code);
}

}  // namespace

int main(int argc, char** argv) {
  Globals globals;
  Run run;
  CLI::App app{"Penchant: personalization from a catalogue and an event log, on one machine.", "penchant"};
  app.set_version_flag("--version", "penchant " PENCHANT_VERSION);
  app.set_config("--config", "", "TOML file with any of the options below");
  app.add_option("--home", globals.home, "folder of data and models")->envname("PENCHANT_HOME")->capture_default_str();
  app.add_option("--encoder", globals.encoder_dir, "folder of the sentence encoder (default: the one ./setup fetched)")
      ->envname("PENCHANT_ENCODER");
  app.add_option("--threads", globals.threads, "threads; 0: all cores")->envname("PENCHANT_THREADS");
  app.add_flag("--json", globals.json, "print one JSON value, nothing else");
  app.add_flag("--quiet", globals.quiet, "no progress lines");
  app.require_subcommand(1);
  app.fallthrough();
  app.footer(
      "Exit codes: 0 ok, 1 failed, 2 wrong usage, 3 not found, 4 damaged data, 5 disk or limit full,\n"
      "6 unavailable (port in use, cancelled), 70 internal error.");
  add_demo(app, run);
  add_import(app, run);
  add_describe(app, run);
  add_train(app, run);
  add_finetune(app, run);
  add_eval(app, run);
  add_tune(app, run);
  add_replay(app, run);
  add_recommend(app, run);
  add_sids(app, run);
  add_embeddings(app, run);
  add_models(app, run);
  add_serve(app, run);
  add_doctor(app, run);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : static_cast<int>(Exit::usage);
  }
  try {
    std::error_code ignored;
    globals.program_dir = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path().string();
    if (globals.encoder_dir.empty()) globals.encoder_dir = default_encoder();
    Context context(globals);
    const Status status = run(context);
    std::fflush(stdout);
    return status.ok() ? 0 : report(status.error());
  } catch (const std::bad_alloc&) {
    return report({ErrorCode::resource_exhausted, "out of memory"});
  } catch (const std::exception& error) {
    return report({ErrorCode::internal, std::string("internal error: ") + error.what()});
  }
}
