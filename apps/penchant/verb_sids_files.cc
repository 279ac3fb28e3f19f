/// \file sids export, sids import: semantic IDs as files that other programs read and write.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>

#include "context.h"
#include "evaluation_inputs.h"
#include "penchant/artifact/files.h"
#include "penchant/artifact/safetensors.h"
#include "penchant/semantic_id/given_ids.h"
#include "penchant/semantic_id/id_files.h"
#include "penchant/semantic_id/prefix_runs.h"
#include "penchant/semantic_id/release_ids.h"
#include "terminal.h"

namespace penchant::app {
namespace {

namespace json = boost::json;
constexpr std::uint64_t kMaxFileBytes = 1ULL << 30;

struct ExportOptions {
  std::string release, format = "keys", out;
};

Status export_ids(Context& context, const ExportOptions& options) {
  PENCHANT_TRY(format, semantic_id::parse_id_format(options.format));
  PENCHANT_TRY(folder, context.release_folder(options.release));
  PENCHANT_TRY(ids, semantic_id::read_release_ids(folder));
  PENCHANT_TRY(counts, artifact::SafeTensors::open(folder + "/counts.safetensors"));
  PENCHANT_TRY(events, counts.vector_i32("train_count"));
  PENCHANT_TRY(text, semantic_id::write_ids(format, ids.items, ids.stored.codes.view(), events));
  if (options.out.empty()) {
    std::fputs(text.c_str(), stdout);
    return {};
  }
  PENCHANT_DO(artifact::write_file(options.out, text));
  if (context.globals().json)
    std::printf("%s\n", json::serialize(json::object{{"file", options.out}, {"release", ids.manifest.name},
                                                     {"items", ids.items.size()}, {"format", options.format}}).c_str());
  else
    std::printf("%s semantic IDs of release %s in %s\n", with_commas(ids.items.size()).c_str(),
                ids.manifest.name.c_str(), options.out.c_str());
  return {};
}

struct ImportOptions {
  std::string file, out;
  bool fill = false, skip_unknown = false;
};

/// Items of the catalogue, by row.
Result<std::vector<std::string>> item_ids(store::Store& store) {
  std::vector<std::string> items;
  PENCHANT_DO(store.scan_items([&](catalog::ItemId, catalog::Item&& item) {
    items.push_back(std::move(item.id));
    return true;
  }, false));
  if (items.empty()) return Error{ErrorCode::not_found, "there are no items: import a catalogue first with `penchant import`"};
  return items;
}

/// Codes for the items that have none, as new items get them: the nearest codewords.
Status fill_missing(Context& context, store::Store& store, semantic_id::MatchedIds& matched) {
  ProgressLine line(context.globals().quiet);
  PENCHANT_TRY(content, evaluate::load_content(store, content_options(context), context.executor(), line.sink()));
  line.finish();
  std::vector<bool> has(content.rows.rows(), true);
  for (const auto row : matched.missing) has[row] = false;
  Matrix<float> vectors;
  Matrix<catalog::Code> codes;
  for (std::size_t row = 0; row < content.rows.rows(); ++row) {
    if (!has[row]) continue;
    vectors.append_row(content.rows.row(row));
    codes.append_row(matched.codes.row(row));
  }
  PENCHANT_TRY(books, semantic_id::fit_codebooks(vectors.view(), codes.view()));
  for (const auto row : matched.missing) {
    PENCHANT_TRY(placed, books.assign(content.rows.row(row)));
    std::ranges::copy(placed.codes, matched.codes.row(row).begin());
  }
  matched.missing.clear();
  return {};
}

Status import_ids(Context& context, ImportOptions options) {
  if (options.out.empty()) options.out = context.globals().home + "/semantic_ids.json";
  PENCHANT_TRY(text, artifact::read_file(options.file, kMaxFileBytes));
  auto read = semantic_id::parse_ids(text);
  if (!read.ok()) return std::move(read).error().within(options.file);
  PENCHANT_TRY(store, context.store());
  PENCHANT_TRY(items, item_ids(*store));
  auto matched = semantic_id::match_ids(*read, items);
  const std::size_t skipped = options.skip_unknown ? matched.unknown.size() : 0;
  const std::size_t filled = options.fill ? matched.missing.size() : 0;
  if (options.skip_unknown) matched.unknown.clear();
  if (filled == items.size()) return invalid(options.file + ": no item of the catalogue has a semantic ID in it");
  if (options.fill && filled > 0) PENCHANT_DO(fill_missing(context, *store, matched));
  if (auto complete = semantic_id::check_complete(matched, items); !complete.ok()) {
    Error error = std::move(complete).error().within(options.file);
    error.message += matched.unknown.empty() ? "; --fill places such items by their content" : "; --skip-unknown leaves such items out";
    return error;
  }
  PENCHANT_TRY(out, semantic_id::write_ids(semantic_id::IdFormat::keys, items, matched.codes.view()));
  PENCHANT_DO(artifact::write_file(options.out, out));

  const std::size_t shared = semantic_id::count_shared(matched.codes.view());
  if (context.globals().json) {
    std::printf("%s\n", json::serialize(json::object{{"file", options.out}, {"items", items.size()},
                                                     {"levels", matched.codes.cols()}, {"shared", shared},
                                                     {"filled", filled}, {"skipped", skipped}}).c_str());
    return {};
  }
  std::printf("%s items with semantic IDs of %zu codes in %s; %s share theirs\n", with_commas(items.size()).c_str(),
              matched.codes.cols(), options.out.c_str(), with_commas(shared).c_str());
  if (filled > 0) std::printf("%s had none in the file and were placed by their content\n", with_commas(filled).c_str());
  if (skipped > 0) std::printf("%s of the file are not in the catalogue and were left out\n", with_commas(skipped).c_str());
  std::printf("train with them: penchant --home %s train --codes %s\n", context.globals().home.c_str(), options.out.c_str());
  return {};
}

}  // namespace

void add_sids_files(CLI::App& sids, Run& run) {
  auto what = std::make_shared<ExportOptions>();
  auto* export_verb = sids.add_subcommand("export", "the semantic IDs of a release as a JSON file");
  export_verb->add_option("--release", what->release, "release name (default: the live one)");
  export_verb->add_option("--format", what->format, "keys (\"12,7,250\"), openonerec (sid2pid.json), tokens or short-tokens")->capture_default_str();
  export_verb->add_option("--out", what->out, "file to write (default: standard output)");
  export_verb->callback([&run, what] { run = [what](Context& c) { return export_ids(c, *what); }; });

  auto given = std::make_shared<ImportOptions>();
  auto* import_verb = sids.add_subcommand("import", "checks semantic IDs made elsewhere and keeps them for train --codes");
  import_verb->add_option("file", given->file, "JSON, in any format of sids export or index.json of MiniOneRec")->required();
  import_verb->add_option("--out", given->out, "file to write (default: semantic_ids.json in the home)");
  import_verb->add_flag("--fill", given->fill, "place items that the file does not name by their content");
  import_verb->add_flag("--skip-unknown", given->skip_unknown, "leave out items that the catalogue does not have");
  import_verb->callback([&run, given] { run = [given](Context& c) { return import_ids(c, *given); }; });
}

}  // namespace penchant::app
