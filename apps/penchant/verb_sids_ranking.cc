/// \file sids ranking: what names items best in a click model, at equal table bytes.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "context.h"
#include "evaluation_inputs.h"
#include "outcome_rules.h"
#include "penchant/evaluate/clicks/ranking_use.h"
#include "terminal.h"

namespace penchant::app {
namespace {

struct RankingOptions {
  OutcomeArguments outcomes;
  evaluate::RankingUseOptions how;
};

Status rank(Context& context, RankingOptions options) {
  PENCHANT_TRY(outcomes, outcome_options(options.outcomes));
  auto& how = options.how;
  PENCHANT_DO(set_judged_periods(options.outcomes, how.periods));
  for (const auto& name : how.variants) PENCHANT_DO(evaluate::parse_item_variant(name));

  PENCHANT_TRY(store, context.store());
  PENCHANT_TRY(log, evaluate::load_outcomes(*store, outcomes));
  ProgressLine line(context.globals().quiet);
  PENCHANT_TRY(content, evaluate::load_content(*store, content_options(context), context.executor(), line.sink()));
  how.progress = line.sink();
  how.items.quantise.progress = how.progress;
  PENCHANT_TRY(found, evaluate::measure_ranking_use(log, content.rows.view(), how, context.executor()));
  line.finish();
  std::printf("%s\n", context.globals().json ? evaluate::to_json(found).c_str() : evaluate::to_text(found).c_str());
  return {};
}

void add_data_options(CLI::App& verb, RankingOptions& options) {
  auto& how = options.how;
  add_outcome_rules(verb, options.outcomes);
  verb.add_option("--negatives", how.negatives, "drawn per positive where there are none")->capture_default_str();
  add_judged_periods(verb, options.outcomes, how.periods);
}

void add_model_options(CLI::App& verb, RankingOptions& options) {
  auto& how = options.how;
  verb.add_option("--variants", how.variants,
                  "of hash, unigram, bigram, prefix, sentencepiece, content, content+hash; the first is what the others are compared with")
      ->delimiter(',')->capture_default_str();
  verb.add_option("--table-bytes", how.items.table_bytes, "of the item table, for every variant")->capture_default_str();
  verb.add_option("--dim", how.items.dim, "numbers of an item vector")->capture_default_str();
  verb.add_option("--quantiser", how.items.quantiser, "residual-kmeans, pq, opq or rqvae")->capture_default_str();
  verb.add_option("--levels", how.items.quantise.levels, "codes per semantic ID")->capture_default_str();
  verb.add_option("--codebooks", how.items.quantise.codebooks, "codes of every level, e.g. 64,32,16 (default: from the number of known items)")->delimiter(',');
  verb.add_option("--vocabulary", how.items.vocabulary.pieces, "pieces of sentencepiece; 0: two for three known items")->capture_default_str();
  verb.add_option("--longest", how.items.vocabulary.longest, "codes of a piece of sentencepiece, at most; 0: any")->capture_default_str();
  verb.add_option("--variation", how.model.variation, "chance that a step reads an item by fewer or other pieces, so that new items are rehearsed")->capture_default_str();
  verb.add_option("--rate", how.model.rate, "learning rate of the network")->capture_default_str();
  verb.add_option("--table-rate", how.model.table_rate, "learning rate of the item table")->capture_default_str();
  verb.add_option("--batch", how.model.batch, "outcomes per step")->capture_default_str();
  verb.add_option("--passes", how.passes, "over every period when it is learned")->capture_default_str();
  verb.add_option("--history", how.model.history, "newest positives, and newest others, of a user that are read")->capture_default_str();
  verb.add_option("--hidden", how.model.hidden, "widths of the deep part")->delimiter(',')->capture_default_str();
  verb.add_option("--cross-layers", how.model.cross_layers, "cross layers")->capture_default_str();
  verb.add_option("--seeds", how.seeds, "of networks and hashes; figures are means over them")->delimiter(',')->capture_default_str();
}

}  // namespace

void add_sids_ranking(CLI::App& sids, Run& run) {
  auto options = std::make_shared<RankingOptions>();
  auto* verb = sids.add_subcommand("ranking", "one click model at equal table bytes: hashed ids, N-grams of codes, SentencePiece, content");
  add_data_options(*verb, *options);
  add_model_options(*verb, *options);
  verb->callback([&run, options] { run = [options](Context& c) { return rank(c, *options); }; });
}

}  // namespace penchant::app
