/// \file train: from stored events to a measured, promoted release.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>

#include "context.h"
#include "penchant/learn/launch.h"
#include "penchant/service/training.h"
#include "terminal.h"

namespace penchant::app {
namespace {

Status train(Context& context, service::TrainingOptions options) {
  PENCHANT_TRY(launch, learn::launch_from_environment());
  if (!launch.alone() && options.name.empty()) return invalid("--name is needed where several ranks train one release");
  options.follows = !launch.leads();
  PENCHANT_TRY(store, context.store());
  options.home = context.globals().home;
  options.trainer = context.trainer();
  options.encoder_dir = context.globals().encoder_dir;
  options.threads = context.globals().threads;
  ProgressLine line(context.globals().quiet || options.follows);
  PENCHANT_TRY(outcome, service::train_release(options, *store, context.executor(), line.sink()));
  line.finish();
  if (options.follows) return {};
  if (context.globals().json) {
    const boost::json::object json{{"release", outcome.release}, {"folder", outcome.folder},
                                   {"seconds", outcome.seconds}, {"summary", outcome.summary},
                                   {"notes", boost::json::array(outcome.notes.begin(), outcome.notes.end())}};
    std::printf("%s\n", boost::json::serialize(json).c_str());
    return {};
  }
  std::printf("release %s in %s%s\n%s\n", bold(outcome.release).c_str(), duration(outcome.seconds).c_str(),
              options.promote ? ", now live" : "", wrapped(outcome.summary, 0).c_str());
  for (const auto& note : outcome.notes) std::printf("%s\n", dim(wrapped("Note: " + note, 0)).c_str());
  return {};
}

}  // namespace

void add_train(CLI::App& app, Run& run) {
  auto options = std::make_shared<service::TrainingOptions>();
  auto no_promote = std::make_shared<bool>(false);
  auto settings = std::make_shared<std::vector<std::string>>();
  auto ids = std::make_shared<std::vector<std::pair<std::string, std::string>>>();  // options of penchant-train
  auto* verb = app.add_subcommand("train", "learn semantic IDs and the user model, measure, make the release live");
  verb->add_option("--name", options->name, "release name (default: date and time)");
  verb->add_option("--preset", options->preset, "tiny, small, sparse, base, large, or auto from the number of events and users")->capture_default_str();
  verb->add_option("--seed", options->seed, "same seed and data, same release")->capture_default_str();
  verb->add_option("--epochs", options->epochs, "at most; 0: early stopping decides")->capture_default_str();
  verb->add_flag("--resume", options->resume, "go on from the checkpoint of an interrupted run");
  verb->add_flag("--no-promote", *no_promote, "leave the live release as it is");
  const auto passed_on = [&](const std::string& name, const std::string& help) {
    verb->add_option_function<std::string>(name, [ids, name](const std::string& v) { ids->emplace_back(name, v); }, help);
  };
  passed_on("--warm-start", "go on from this release, or from the one that is live: its weights and semantic IDs, for a retraining with new events and items");
  passed_on("--teacher", "learn from what this release expects too, or the one that is live: a small network nearly as good as a large one");
  passed_on("--holdout", "what training must not see: last-out (default), time, cold or none");
  passed_on("--cold-by", "--holdout cold: which items nothing is fitted on: random (default), first-seen for the newest, or those of the highest numbers under an attribute, such as year");
  passed_on("--cold-share", "--holdout cold: their share of the items (default: 0.05)");
  passed_on("--validation-from", "--holdout time: share of the events before the validation (default: 0.8)");
  passed_on("--test-from", "--holdout time: share of the events before the test (default: 0.9)");
  passed_on("--ties-seed", "shuffle events of one moment, to be judged by eval --ties shuffled --seed N (default: the store's order)");
  passed_on("--quantiser", "what makes the semantic IDs: behaviour, residual-kmeans, pq, opq or rqvae (default auto: the first where there are events enough, else the second); see sids compare");
  passed_on("--codebooks", "codes of every level of the semantic IDs, e.g. 256,128,64 (default: three, from the number of items)");
  passed_on("--balance", "price on codes that many items share (default: 0, none)");
  passed_on("--collisions", "what becomes of items that share an ID: reassign (default), extra or popular");
  passed_on("--codes", "file of semantic IDs made elsewhere, in place of a quantiser; see sids import");
  verb->add_flag_callback("--towers", [options] { options->extra.emplace_back("--towers"); },
                          "learn two towers over content and behaviour too: a further source of candidates");
  verb->add_option("--set", *settings, "further settings of penchant-train, e.g. --set dropout=0.3 (penchant-train --help)");
  verb->callback([&run, options, no_promote, settings, ids] {
    options->promote = !*no_promote;
    for (const auto& [name, value] : *ids) options->extra.insert(options->extra.end(), {name, value});
    for (const auto& setting : *settings) options->extra.insert(options->extra.end(), {"--set", setting});
    run = [options](Context& c) { return train(c, *options); };
  });
}

}  // namespace penchant::app
