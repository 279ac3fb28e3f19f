/// \file eval --search: what search finds, against graded judgments.
#include <cstdio>

#include "eval_search.h"
#include "penchant/artifact/files.h"
#include "penchant/evaluate/search/run.h"
#include "terminal.h"

namespace penchant::app {
namespace {

/// All items in row order, without their vectors.
Result<std::vector<catalog::Item>> read_items(store::Store& store) {
  std::vector<catalog::Item> items;
  PENCHANT_DO(store.scan_items(
      [&](catalog::ItemId id, catalog::Item&& item) {
        items.resize(std::max<std::size_t>(items.size(), catalog::index(id) + 1));
        items[catalog::index(id)] = std::move(item);
        return true;
      },
      /*with_vectors=*/false));
  return items;
}

Result<std::unique_ptr<evaluate::SearchModel>> make_model(const std::string& name, Context& context,
                                                          std::span<const catalog::Item> items,
                                                          std::uint64_t seed, const ProgressSink& progress) {
  if (name == "bm25") return evaluate::make_bm25_search(items, progress);
  if (name == "random") return evaluate::make_random_search(seed);
  if (name == "dense-text")
    return evaluate::make_dense_search(items, context.globals().encoder_dir,
                                       context.text_vectors(), context.executor(), progress);
  return invalid("search model \"" + name + "\" is not known: use bm25, dense-text or random");
}

}  // namespace

Status eval_search(Context& context, const SearchOptions& options) {
  const std::vector<std::string> names =
      options.models.empty() ? std::vector<std::string>{"bm25", "dense-text", "random"} : options.models;
  PENCHANT_TRY(store, context.store());
  PENCHANT_TRY(items, read_items(*store));
  std::vector<std::string> ids;
  for (const auto& item : items) ids.push_back(item.id);
  PENCHANT_TRY(judgments, evaluate::read_judgments(options.judgments, ids));

  ProgressLine line(context.globals().quiet);
  std::vector<std::unique_ptr<evaluate::SearchModel>> models;
  for (const auto& name : names) {
    PENCHANT_TRY(model, make_model(name, context, items, options.seed, line.sink()));
    models.push_back(std::move(model));
  }
  const evaluate::SearchRunOptions run{.gains = {.relevant = options.relevant, .zero_grade = options.zero_grade},
                                       .seed = options.seed,
                                       .resamples = options.resamples};
  PENCHANT_TRY(report, evaluate::run_search(judgments, items.size(), models, run, context.executor(), line.sink()));
  line.finish();
  if (!options.json.empty()) PENCHANT_DO(artifact::write_file(options.json, evaluate::to_json(report)));
  if (options.json_to_stdout) {
    std::printf("%s\n", evaluate::to_json(report).c_str());
    return {};
  }
  std::printf("%s\n", evaluate::to_table(report).c_str());
  for (const auto& sentence : evaluate::sentences(report)) std::printf("%s\n", wrapped(sentence, 0).c_str());
  return {};
}

}  // namespace penchant::app
