/// \file import: files and folders into the home's store.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "context.h"
#include "penchant/import/import.h"
#include "terminal.h"

namespace penchant::app {
namespace {

struct Options {
  std::vector<std::string> paths, map, vectors;
  import::ImportOptions how;
};

/// "left=right" pairs of --map and --vectors.
Status split_pairs(const Options& options, import::ImportOptions& how) {
  for (const auto& pair : options.map) {
    const auto at = pair.find('=');
    if (at == std::string::npos || at == 0) return invalid("--map " + pair + ": write FIELD=COLUMN, e.g. user=customer_id");
    how.map.push_back({pair.substr(0, at), pair.substr(at + 1)});
  }
  for (const auto& pair : options.vectors) {
    const auto at = pair.find('=');
    if (at == std::string::npos || at == 0) return invalid("--vectors " + pair + ": write MODALITY=FILE.npy, e.g. visual=covers.npy");
    how.vectors.push_back({pair.substr(0, at), pair.substr(at + 1)});
  }
  return {};
}

Status run_import(Context& context, const Options& options) {
  import::ImportOptions how = options.how;
  PENCHANT_DO(split_pairs(options, how));
  if (how.rejects_path.empty()) how.rejects_path = context.globals().home + "/rejects.csv";
  PENCHANT_TRY(store, context.store(true));
  ProgressLine line(context.globals().quiet || context.globals().json);
  PENCHANT_TRY(report, import::import_paths(options.paths, how, *store, line.sink()));
  line.finish();
  std::printf("%s\n", context.globals().json ? import::to_json(report).c_str() : import::to_table(report).c_str());
  return {};
}

}  // namespace

void add_import(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand("import", "CSV, TSV, JSON lines, Parquet, RecBole, MovieLens, .npy vectors; gzip too");
  verb->add_option("paths", options->paths, "files or folders")->required();
  verb->add_option("--items", options->how.items_file, "file to read as items");
  verb->add_option("--users", options->how.users_file, "file to read as users");
  verb->add_option("--map", options->map, "FIELD=COLUMN where a guess is wrong, e.g. user=customer_id");
  verb->add_option("--vectors", options->vectors, "MODALITY=FILE.npy");
  verb->add_option("--event-type", options->how.default_event_type, "where the file has no type column");
  verb->add_option("--rejects", options->how.rejects_path, "where bad rows go (default: rejects.csv in the home)");
  verb->add_flag("--dry-run", options->how.dry_run, "read and check everything, write nothing");
  verb->callback([&run, options] { run = [options](Context& c) { return run_import(c, *options); }; });
}

}  // namespace penchant::app
