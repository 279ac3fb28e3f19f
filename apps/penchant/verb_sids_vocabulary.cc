/// \file sids vocabulary: learns pieces of the codes of a release; sids pieces: how they cut an item's ID.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>

#include "context.h"
#include "penchant/artifact/safetensors.h"
#include "penchant/semantic_id/pieces/train_vocabulary.h"
#include "penchant/semantic_id/release_ids.h"
#include "terminal.h"

namespace penchant::app {
namespace {

namespace json = boost::json;

struct VocabularyArguments {
  std::string release, out;
  semantic_id::VocabularyOptions how{.pieces = 0};
};

/// Items of a release with how often they were in a training event.
struct ShownItems {
  semantic_id::ReleaseIds ids;
  std::vector<std::uint64_t> impressions;  ///< [n]
  std::vector<std::uint32_t> codebooks;    ///< [L]
};

Result<ShownItems> shown_items(Context& context, const std::string& release) {
  PENCHANT_TRY(folder, context.release_folder(release));
  PENCHANT_TRY(ids, semantic_id::read_release_ids(folder));
  PENCHANT_TRY(file, artifact::SafeTensors::open(folder + "/counts.safetensors"));
  PENCHANT_TRY(counts, file.vector_i32("train_count"));
  if (counts.size() != ids.items.size())
    return Error{ErrorCode::corrupt, folder + "/counts.safetensors: train_count has " + std::to_string(counts.size()) + " values for " +
                                         std::to_string(ids.items.size()) + " items"};
  ShownItems out{.ids = std::move(ids)};
  for (const auto count : counts) out.impressions.push_back(static_cast<std::uint64_t>(std::max(count, 0)));
  for (std::size_t l = 0; l < out.ids.stored.codebooks.levels(); ++l) out.codebooks.push_back(out.ids.stored.codebooks.codebook(l));
  return out;
}

Status learn(Context& context, VocabularyArguments options) {
  PENCHANT_TRY(shown, shown_items(context, options.release));
  if (options.how.pieces == 0) {
    std::uint32_t codes = 0;
    for (const auto size : shown.codebooks) codes += size;
    options.how.pieces = std::max(codes, static_cast<std::uint32_t>(std::ranges::count_if(shown.impressions, [](auto n) { return n > 0; })) * 2 / 3);
  }
  if (options.out.empty()) options.out = context.globals().home + "/code_vocabulary.safetensors";
  PENCHANT_TRY(vocabulary, semantic_id::train_vocabulary(shown.ids.stored.codes.view(), shown.impressions, shown.codebooks, options.how));
  PENCHANT_DO(semantic_id::save_vocabulary(options.out, vocabulary));
  double pieces = 0, events = 0;
  std::vector<std::uint32_t> cut;
  for (std::size_t i = 0; i < shown.impressions.size(); ++i) {
    cut.clear();
    vocabulary.cut(shown.ids.stored.codes.row(i), cut);
    pieces += static_cast<double>(cut.size() * shown.impressions[i]);
    events += static_cast<double>(shown.impressions[i]);
  }
  const double mean = events > 0 ? pieces / events : 0;
  if (context.globals().json)
    std::printf("%s\n", json::serialize(json::object{{"file", options.out}, {"release", shown.ids.manifest.name}, {"pieces", vocabulary.pieces().size()},
                                                     {"levels", vocabulary.levels()}, {"pieces_per_event", mean}}).c_str());
  else
    std::printf("%s pieces of the codes of release %s in %s; the item of a training event is %.2f of them, of %zu codes\n",
                with_commas(vocabulary.pieces().size()).c_str(), shown.ids.manifest.name.c_str(), options.out.c_str(), mean, vocabulary.levels());
  return {};
}

Status show(Context& context, const std::string& item, std::string file, const std::string& release) {
  if (file.empty()) file = context.globals().home + "/code_vocabulary.safetensors";
  auto read = semantic_id::load_vocabulary(file);
  if (!read.ok()) {
    Error error = std::move(read).error();
    if (error.code == ErrorCode::not_found) error.message += "; make one with `penchant sids vocabulary`";
    return error;
  }
  PENCHANT_TRY(shown, shown_items(context, release));
  if (shown.codebooks != read->codebooks())
    return invalid(file + " is of other codebooks than release " + shown.ids.manifest.name + ": make one for it with `penchant sids vocabulary`");
  const auto at = std::ranges::find(shown.ids.items, item);
  if (at == shown.ids.items.end()) return Error{ErrorCode::not_found, "release " + shown.ids.manifest.name + " has no item \"" + item + "\""};
  std::vector<std::uint32_t> cut;
  read->cut(shown.ids.stored.codes.row(static_cast<std::size_t>(at - shown.ids.items.begin())), cut);
  json::array list;
  std::string text;
  for (const auto row : cut) {
    const auto& piece = read->pieces()[row];
    list.push_back({{"row", row}, {"level", piece.start}, {"codes", json::value_from(piece.codes)}, {"score", piece.score}});
    std::string codes;
    for (const auto code : piece.codes) codes += (codes.empty() ? "" : "-") + std::to_string(code);
    text += "   row " + std::to_string(row) + "  from level " + std::to_string(piece.start) + "  " + codes + "\n";
  }
  if (context.globals().json) std::printf("%s\n", json::serialize(json::object{{"id", item}, {"pieces", std::move(list)}}).c_str());
  else std::printf("%s is the sum of\n%s", item.c_str(), text.c_str());
  return {};
}

}  // namespace

void add_sids_vocabulary(CLI::App& sids, Run& run) {
  auto how = std::make_shared<VocabularyArguments>();
  auto* learn_verb = sids.add_subcommand("vocabulary", "learns a SentencePiece vocabulary over the codes of a release, for rankers");
  learn_verb->add_option("--release", how->release, "release name (default: the live one)");
  learn_verb->add_option("--pieces", how->how.pieces, "as many as the ranker's table has rows for them; 0: two for three items that were shown")->capture_default_str();
  learn_verb->add_option("--longest", how->how.longest, "codes of a piece, at most; 0: any")->capture_default_str();
  learn_verb->add_option("--out", how->out, "file to write (default: code_vocabulary.safetensors in the home)");
  learn_verb->callback([&run, how] { run = [how](Context& c) { return learn(c, *how); }; });

  auto item = std::make_shared<std::string>(), file = std::make_shared<std::string>(), release = std::make_shared<std::string>();
  auto* show_verb = sids.add_subcommand("pieces", "rows of a ranker's table whose sum is an item");
  show_verb->add_option("item", *item, "item id")->required();
  show_verb->add_option("--vocabulary", *file, "file of sids vocabulary (default: code_vocabulary.safetensors in the home)");
  show_verb->add_option("--release", *release, "release name (default: the live one)");
  show_verb->callback([&run, item, file, release] { run = [=](Context& c) { return show(c, *item, *file, *release); }; });
}

}  // namespace penchant::app
