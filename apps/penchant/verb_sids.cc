/// \file sids show, sids report, sids diff: the semantic IDs of releases; sids compare: quantisers side by side.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>

#include "context.h"
#include "evaluation_inputs.h"
#include "penchant/artifact/manifest.h"
#include "penchant/artifact/safetensors.h"
#include "penchant/catalog/json.h"
#include "penchant/evaluate/following_pairs.h"
#include "penchant/semantic_id/comparison.h"
#include "penchant/semantic_id/difference.h"
#include "penchant/semantic_id/quantiser.h"
#include "penchant/semantic_id/release_ids.h"
#include "penchant/semantic_id/report.h"
#include "terminal.h"

namespace penchant::app {
namespace {

namespace json = boost::json;

std::string dotted(const std::vector<std::uint16_t>& codes) {
  std::string text;
  for (const auto code : codes) text += (text.empty() ? "" : "-") + std::to_string(code);
  return text.empty() ? "none yet" : text;
}

Status show(Context& context, const std::string& id) {
  PENCHANT_TRY(engine, context.engine());
  PENCHANT_TRY(card, engine->item_card(id));
  if (context.globals().json) {
    json::array neighbours;
    for (const auto& n : card.neighbours)
      neighbours.push_back({{"id", n.id}, {"title", n.title}, {"semantic_id", json::value_from(n.semantic_id)},
                            {"shared_prefix", n.shared_prefix}, {"similarity", n.similarity}});
    const json::object out{{"id", card.item.id}, {"title", card.item.title}, {"events", card.events},
                           {"semantic_id", json::value_from(card.semantic_id)}, {"neighbours", std::move(neighbours)}};
    std::printf("%s\n", json::serialize(out).c_str());
    return {};
  }
  std::printf("%s  semantic ID %s, %s events\n", bold(card.item.title.empty() ? card.item.id : card.item.title).c_str(),
              dotted(card.semantic_id).c_str(), with_commas(card.events).c_str());
  for (const auto& [name, value] : card.item.attributes)
    std::printf("   %s  %s\n", fit(name, 16).c_str(), fit(catalog::to_text(value), terminal_width() - 22).c_str());
  std::printf("\n   codes shared  similarity  item\n");
  for (const auto& n : card.neighbours)
    std::printf("   %12zu  %10.2f  %s %s\n", n.shared_prefix, n.similarity, fit(dotted(n.semantic_id), 12).c_str(),
                fit(n.title.empty() ? n.id : n.title, 48).c_str());
  return {};
}

/// All modalities of a release side by side, [n, x], as the codebooks quantise them.
Result<Matrix<float>> content_of(const std::string& folder, const artifact::Manifest& manifest) {
  PENCHANT_TRY(file, artifact::SafeTensors::open(folder + "/content.safetensors"));
  std::size_t width = 0;
  for (const auto& modality : manifest.modalities) width += modality.dim;
  Matrix<float> content(manifest.model.items, width);
  std::size_t at = 0;
  for (const auto& modality : manifest.modalities) {
    PENCHANT_TRY(part, file.matrix_f32("content." + modality.name, manifest.model.items, modality.dim));
    for (std::size_t row = 0; row < content.rows(); ++row)
      std::copy(part.row(row).begin(), part.row(row).end(), content.row(row).begin() + static_cast<std::ptrdiff_t>(at));
    at += modality.dim;
  }
  return content;
}

/// Content of the items that the store has beyond those of the release, as the codebooks quantise it.
Result<Matrix<float>> added_content(Context& context, const artifact::Manifest& manifest, std::size_t width) {
  PENCHANT_TRY(store, context.store());
  PENCHANT_TRY(counts, store->counts());
  const std::size_t first = manifest.model.items;
  if (counts.items <= first) return Matrix<float>(0, width);
  ProgressLine line(context.globals().quiet);
  PENCHANT_TRY(kinds, evaluate::load_content_kinds(*store, content_options(context), context.executor(), first, line.sink()));
  line.finish();
  Matrix<float> added;
  for (std::size_t row = first; row < kinds.begin()->second.rows(); ++row) {
    std::vector<float> all;
    for (const auto& modality : manifest.modalities) {
      const auto kind = kinds.find(modality.name);
      if (kind != kinds.end() && kind->second.cols() == modality.dim)
        all.insert(all.end(), kind->second.row(row).begin(), kind->second.row(row).end());
      else
        all.resize(all.size() + modality.dim, 0.0F);
    }
    added.append_row(all);
  }
  return added;
}

Status report(Context& context, const std::string& release) {
  PENCHANT_TRY(folder, context.release_folder(release));
  PENCHANT_TRY(ids, semantic_id::read_release_ids(folder));
  PENCHANT_TRY(content, content_of(folder, ids.manifest));
  PENCHANT_TRY(made, semantic_id::make_report(ids.stored.codebooks, content.view(), ids.stored.codes.view(), context.executor(),
                                              {.collisions = ids.manifest.collisions.empty() ? "reassign" : ids.manifest.collisions,
                                               .sizes = ids.manifest.codebook_sizes}));
  PENCHANT_TRY(added, added_content(context, ids.manifest, content.cols()));
  if (added.rows() > 0) {
    PENCHANT_TRY(drift, semantic_id::measure_drift(ids.stored.codebooks, content.view(), added.view(), context.executor()));
    made.drift = std::move(drift);
  }
  std::printf("%s\n", context.globals().json ? semantic_id::to_json(made).c_str() : semantic_id::to_text(made).c_str());
  return {};
}

Status diff(Context& context, const std::string& before, const std::string& after) {
  PENCHANT_TRY(folder_before, context.release_folder(before));
  PENCHANT_TRY(folder_after, context.release_folder(after));
  PENCHANT_TRY(a, semantic_id::read_release_ids(folder_before));
  PENCHANT_TRY(b, semantic_id::read_release_ids(folder_after));
  PENCHANT_TRY(found, semantic_id::compare_ids({a.manifest.name, a.items, &a.stored},
                                               {b.manifest.name, b.items, &b.stored}, context.executor()));
  std::printf("%s\n", context.globals().json ? semantic_id::to_json(found).c_str() : semantic_id::to_text(found).c_str());
  return {};
}

struct CompareOptions {
  std::vector<std::string> quantisers;  ///< empty: all that can be fitted
  semantic_id::QuantiserOptions how;
  std::string collisions{"reassign"};
};

/// Training and validation pairs of the protocol last-out.
Result<evaluate::FollowingPairs> pairs_of(store::Store& store) {
  PENCHANT_TRY(log, evaluate::load_events(store));
  PENCHANT_TRY(split, evaluate::Split::make(std::move(log), {}));
  return evaluate::following_pairs(split);
}

Status compare(Context& context, CompareOptions options) {
  PENCHANT_TRY(store, context.store());
  PENCHANT_TRY(counts, store->counts());
  if (counts.items == 0) return Error{ErrorCode::not_found, "there are no items: import a catalogue first with `penchant import`"};
  for (const auto& name : options.quantisers) PENCHANT_DO(semantic_id::check_quantiser(name));
  PENCHANT_TRY(policy, semantic_id::parse_collision_policy(options.collisions));
  ProgressLine line(context.globals().quiet);
  auto pairs = pairs_of(*store);
  if (!pairs.ok() && std::ranges::any_of(options.quantisers, semantic_id::reads_pairs)) return pairs.error();
  if (options.quantisers.empty())
    for (const auto name : semantic_id::quantiser_names()) {
      if (pairs.ok() || !semantic_id::reads_pairs(name)) options.quantisers.emplace_back(name);
      else if (!context.globals().quiet)
        std::fprintf(stderr, "%s is left out: it learns from events, and %s\n", std::string(name).c_str(), pairs.error().message.c_str());
    }
  PENCHANT_TRY(content, evaluate::load_content(*store, content_options(context), context.executor(), line.sink()));
  options.how.progress = line.sink();
  const evaluate::FollowingPairs known = pairs.ok() ? std::move(*pairs) : evaluate::FollowingPairs{};
  options.how.pairs = known.training;
  PENCHANT_TRY(compared, semantic_id::compare_quantisers(content.rows.view(), options.quantisers, options.how, context.executor(),
                                                         context.clock(), {.collisions = {.policy = policy}, .next = known.asked}));
  line.finish();
  std::printf("%s\n", context.globals().json ? semantic_id::to_json(compared).c_str() : semantic_id::to_text(compared).c_str());
  return {};
}

void add_diff(CLI::App& sids, Run& run) {
  auto names = std::make_shared<std::pair<std::string, std::string>>();
  auto* verb = sids.add_subcommand("diff", "what changed between the semantic IDs of two releases");
  verb->add_option("before", names->first, "release name")->required();
  verb->add_option("after", names->second, "release name")->required();
  verb->callback([&run, names] { run = [names](Context& c) { return diff(c, names->first, names->second); }; });
}

void add_compare(CLI::App& sids, Run& run) {
  auto options = std::make_shared<CompareOptions>();
  auto* verb = sids.add_subcommand("compare", "quantisers side by side on the content vectors of the catalogue");
  verb->add_option("--quantisers", options->quantisers, "which of residual-kmeans, pq, opq, rqvae, behaviour (default: all)")->delimiter(',');
  verb->add_option("--levels", options->how.levels, "codes per semantic ID")->capture_default_str();
  verb->add_option("--codebooks", options->how.codebooks, "codes of every level, e.g. 256,128,64 (default: from the number of items)")->delimiter(',');
  verb->add_option("--balance", options->how.balance, "price on codes that many items share; 0: none")->capture_default_str();
  verb->add_option("--collisions", options->collisions, "what becomes of items that share an ID: reassign, extra or popular")->capture_default_str();
  verb->add_option("--seed", options->how.seed, "same seed, same codes")->capture_default_str();
  verb->callback([&run, options] { run = [options](Context& c) { return compare(c, *options); }; });
}

}  // namespace

void add_sids(CLI::App& app, Run& run) {
  auto* sids = app.add_subcommand("sids", "semantic IDs: of an item or a release, compared, exported and imported");
  sids->require_subcommand(1);
  auto item = std::make_shared<std::string>();
  auto* show_verb = sids->add_subcommand("show", "an item's ID and its neighbours by prefix");
  show_verb->add_option("item", *item, "item id")->required();
  show_verb->callback([&run, item] { run = [item](Context& c) { return show(c, *item); }; });
  auto release = std::make_shared<std::string>();
  auto* report_verb = sids->add_subcommand("report", "use, entropy, collisions, coherence of prefixes");
  report_verb->add_option("--release", *release, "release name (default: the live one)");
  report_verb->callback([&run, release] { run = [release](Context& c) { return report(c, *release); }; });
  add_diff(*sids, run);
  add_compare(*sids, run);
  add_sids_ranking(*sids, run);
  add_sids_vocabulary(*sids, run);
  add_sids_files(*sids, run);
}

}  // namespace penchant::app
