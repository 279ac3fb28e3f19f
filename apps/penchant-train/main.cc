/// \file penchant-train: from stored events to a release folder; `fit` and `encode` train and run the
/// baselines of `penchant eval`, `finetune` makes a copy of a release for another model. The only program that links LibTorch;
/// `penchant train` starts it. Exit codes: 0 done, 1 invalid input, 3 not found, 4 corrupt,
/// 5 out of memory or disk, 6 cancelled (--resume goes on), 70 our bug, 74 input or output failed.
#include <mimalloc.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <optional>
#include <thread>

#include "baseline.h"
#include "finetune.h"
#include "penchant/learn/dataset.h"
#include "penchant/learn/launch.h"
#include "penchant/learn/options.h"
#include "penchant/learn/release_writer.h"
#include "penchant/learn/teacher.h"
#include "penchant/learn/towers.h"
#include "penchant/learn/trainer.h"
#include "penchant/learn/warm_start.h"
#include "penchant/learn/windows.h"
#include "penchant/store/store.h"
#include "penchant/text/vector_cache.h"
#include "report.h"

namespace penchant::app {
namespace {

std::atomic<bool> stop_asked{false};
extern "C" void ask_to_stop(int) { stop_asked = true; }

struct Arguments {
  std::string home = "penchant-home", name, preset = "auto", holdout = "last-out", encoder, progress_json, checkpoint, warm_start, teacher;
  std::uint64_t seed = 1, cold_seed = 1, ties_seed = 0;
  double cold_share = 0.05;
  std::string cold_by = "random";
  double validation_from = learn::DatasetOptions{}.validation_quantile, test_from = learn::DatasetOptions{}.test_quantile;
  std::uint32_t epochs = 0, threads = 0, levels = 3, codebook = 0;
  std::string quantiser{learn::kAutoQuantiser};
  std::vector<std::uint32_t> codebooks;
  double balance = 0;
  std::string collisions = "reassign", codes;
  bool resume = false, quiet = false, towers = false;
  std::vector<std::string> settings;
  learn::Launch launch;
};

void declare(CLI::App& app, Arguments& a) {
  app.add_option("--home", a.home, "folder of the project, with penchant.db")->capture_default_str();
  app.add_option("--name", a.name, "release name: the folder <home>/models/<name>");
  app.add_option("--preset", a.preset, "tiny, small, sparse, base, large, or auto from the number of events and users")->capture_default_str();
  app.add_option("--holdout", a.holdout, "what training must not see: last-out, time, cold or none")->capture_default_str();
  app.add_option("--cold-share", a.cold_share, "--holdout cold: share of the items that nothing is fitted on")->capture_default_str();
  app.add_option("--cold-by", a.cold_by, "--holdout cold: random, first-seen for the newest, or an attribute with numbers")->capture_default_str();
  app.add_option("--cold-seed", a.cold_seed, "--holdout cold: seed of their draw")->capture_default_str();
  app.add_option("--validation-from", a.validation_from, "--holdout time: share of the events before the validation")->capture_default_str();
  app.add_option("--test-from", a.test_from, "--holdout time: share of the events before the test")->capture_default_str();
  app.add_option("--ties-seed", a.ties_seed, "shuffle events of one moment, as eval --ties shuffled --seed N does; 0: the store's order")->capture_default_str();
  app.add_option("--encoder", a.encoder, "folder of the sentence encoder; none: only vectors given with the items");
  app.add_option("--levels", a.levels, "codes per semantic ID")->capture_default_str();
  app.add_option("--codebook", a.codebook, "codes per level; 0: from the number of items")->capture_default_str();
  app.add_option("--codebooks", a.codebooks, "codes of every level, e.g. 256,128,64, in place of --levels and --codebook")->delimiter(',');
  app.add_option("--quantiser", a.quantiser, "what makes the semantic IDs: residual-kmeans, pq, opq, rqvae, behaviour or auto")->capture_default_str();
  app.add_option("--balance", a.balance, "price on codes that many items share; 0: none")->capture_default_str();
  app.add_option("--collisions", a.collisions, "what becomes of items that share an ID: reassign, extra or popular")->capture_default_str();
  app.add_option("--codes", a.codes, "file of semantic IDs made elsewhere, in place of a quantiser");
  app.add_option("--seed", a.seed, "same seed, data and threads: same weights")->capture_default_str();
  app.add_option("--epochs", a.epochs, "train this many, without early stop; 0: the preset's, with early stop");
  app.add_option("--threads", a.threads, "0: as many as the machine has");
  app.add_option("--warm-start", a.warm_start, "go on from the weights and semantic IDs of this release, or of the one that is live; new items get theirs at once");
  app.add_option("--teacher", a.teacher, "learn from what this release expects too, or the one that is live: a small network nearly as good as a large one");
  app.add_option("--checkpoint", a.checkpoint, "file that an interrupted run goes on from (default: <home>/training.checkpoint)");
  app.add_flag("--resume", a.resume, "go on from the checkpoint when there is one");
  app.add_option("--progress-json", a.progress_json, "write progress as JSON lines to this file, pipe or /dev/fd/N");
  app.add_flag("--towers", a.towers, "learn two towers over content and behaviour too: a further source of candidates");
  app.add_flag("--quiet", a.quiet, "only errors");
  app.add_option("settings,--set", a.settings, "further settings as name=value, e.g. dropout=0.3; of the towers as towers.name=value");
}

std::string now_iso() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

constexpr std::string_view kLive = "live";       ///< --warm-start, --teacher: the release that is
constexpr std::string_view kTowers = "towers.";  ///< before the settings of the towers

std::uint32_t threads_of(const Arguments& a) {
  return a.threads > 0 ? a.threads : std::max(1u, std::thread::hardware_concurrency() / a.launch.local_size);
}

Result<learn::TowerOptions> tower_options(const Arguments& a) {
  learn::TowerOptions options;
  for (const std::string& setting : a.settings)
    if (setting.starts_with(kTowers)) PENCHANT_DO(learn::apply_setting(options, std::string_view(setting).substr(kTowers.size())));
  options.seed = a.seed;
  options.threads = threads_of(a);
  PENCHANT_DO(learn::validate(options));
  return options;
}

bool given(const Arguments& a, std::string_view setting) {
  return std::ranges::any_of(a.settings, [&](const std::string& s) { return s.starts_with(setting); });
}

/// The release that an option names; none where it was not given.
Result<std::optional<learn::EarlierRelease>> named_release(const Arguments& a, store::Store& store, const std::string& option, std::string name) {
  if (name.empty()) return std::optional<learn::EarlierRelease>();
  if (name == kLive) {
    PENCHANT_TRY(releases, store.releases());
    const auto live = std::ranges::find_if(releases, [](const store::ReleaseRow& r) { return r.live; });
    if (live == releases.end()) return Error{ErrorCode::not_found, option + " live: no release is live yet; train without " + option};
    name = live->name;
  }
  const std::string folder = a.home + "/models/" + name;
  if (!std::filesystem::exists(folder + "/manifest.json"))
    return Error{ErrorCode::not_found, option + " " + name + ": there is no such release below " + a.home + "/models"};
  auto read = learn::read_earlier_release(folder);
  if (!read.ok()) return std::move(read).error().within(option + " " + name);
  return std::optional(std::move(read).value());
}

/// \param earlier null: training starts anew
Result<learn::TrainOptions> train_options(const Arguments& a, const std::string& preset, const learn::EarlierRelease* earlier) {
  PENCHANT_TRY(options, earlier == nullptr ? learn::preset_options(preset) : learn::warm_options(*earlier, preset));
  for (const std::string& setting : a.settings)
    if (!setting.starts_with(kTowers)) PENCHANT_DO(learn::apply_setting(options, setting));
  if (given(a, "max_len=") && !given(a, "stride=")) options.stride = std::max(1u, std::min(options.stride, options.max_len / 2));
  if (a.epochs > 0) {
    options.epochs = a.epochs;
    options.patience = 0;
  }
  options.seed = a.seed;
  options.threads = threads_of(a);
  options.checkpoint = a.checkpoint.empty() ? a.home + "/training.checkpoint" : a.checkpoint;
  options.resume = a.resume;
  options.launch = a.launch;
  PENCHANT_DO(learn::validate(options));
  if (earlier != nullptr) PENCHANT_DO(learn::check_sizes(*earlier, options));
  return options;
}

/// What became of the start, for people.
std::string note_of(const learn::StartedFrom& from, const learn::TrainedModel& model) {
  std::string text = "started from release " + from.release + ": " + std::to_string(from.kept) + " items kept, " + std::to_string(from.added) +
                     " new, " + std::to_string(from.gone) + " gone";
  char line[96];
  std::snprintf(line, sizeof line, "; validation NDCG@10 of the start %.4f", model.start_ndcg10);
  if (std::isfinite(model.start_ndcg10)) text += line;
  return model.best_epoch == 0 ? text + "; no epoch was better, so its user model stays" : text;
}

Status run(const Arguments& a, Report& report) {
  if (a.name.empty()) return invalid("--name is needed: the release becomes the folder <home>/models/<name>");
  const std::string folder = a.home + "/models/" + a.name;
  if (std::filesystem::exists(folder + "/manifest.json"))
    return Error{ErrorCode::already_exists, folder + " holds a release already: choose another --name"};
  if (!a.progress_json.empty()) PENCHANT_DO(report.open_json(a.progress_json));
  PENCHANT_TRY(holdout, learn::parse_holdout(a.holdout));
  PENCHANT_TRY(cold_by, catalog::parse_cold_by(a.cold_by));
  PENCHANT_TRY(of_towers, tower_options(a));  // refuse bad settings before the long steps
  PENCHANT_TRY(store, store::open_store(a.home, {.read_only = true, .create = false}));
  PENCHANT_TRY(found, named_release(a, *store, "--warm-start", a.warm_start));
  PENCHANT_TRY(teacher, named_release(a, *store, "--teacher", a.teacher));
  const learn::EarlierRelease* earlier = found ? &*found : nullptr;
  PENCHANT_TRY(checked, train_options(a, a.preset, earlier));

  Executor executor(checked.threads);
  const auto go_on = [&](const Progress& p) {
    report.step(p);
    return !stop_asked;
  };
  PENCHANT_TRY(dataset, learn::load_dataset(*store,
                                            {.holdout = holdout, .validation_quantile = a.validation_from,
                                             .test_quantile = a.test_from, .cold_share = a.cold_share, .cold_seed = a.cold_seed,
                                             .cold_by = cold_by, .ties_seed = a.ties_seed,
                                             .encoder_dir = a.encoder,
                                             .text_vectors = text::catalogue_vectors_file(a.home), .quantiser = a.quantiser,
                                             .levels = a.levels, .codebook = a.codebook,
                                             .codebooks = a.codebooks, .balance = a.balance,
                                             .collisions = a.collisions, .ids_file = a.codes, .attributes = checked.next_attributes > 0, .earlier = earlier, .seed = a.seed},
                                            executor, go_on));
  std::string preset = a.preset;
  if (preset == "auto") preset = earlier ? earlier->manifest().preset : learn::preset_for({.events = dataset.events, .users = dataset.users});
  auto options = std::move(checked);
  if (!earlier) {
    PENCHANT_TRY(chosen, train_options(a, preset, nullptr));
    options = std::move(chosen);
  }
  std::optional<learn::StartWeights> start;
  if (earlier) {
    PENCHANT_TRY(weights, learn::start_weights(*earlier, dataset));
    start = std::move(weights);
  }
  std::optional<learn::TeacherWeights> lessons;
  if (teacher) {
    PENCHANT_DO(learn::check_unseen(*teacher, dataset));
    PENCHANT_TRY(weights, learn::teacher_weights(*teacher, dataset, options));
    lessons = std::move(weights);
  }
  std::vector<std::string> notes = dataset.left_out;
  if (teacher) notes.push_back("taught by release " + teacher->manifest().name);
  if (!given(a, "shuffle_ties=") && learn::ties_tell(dataset.data.train)) {
    options.shuffle_ties = false;
    notes.push_back("events of one moment stand in an order that tells something: it is learned (--set shuffle_ties=true if it is only how the file was written)");
  }
  report.note("learn from " + std::to_string(dataset.data.train.events()) + " events of " +
              std::to_string(dataset.users) + " users and " + std::to_string(dataset.data.items) + " items, preset " +
              preset + ", held out: " + a.holdout);

  for (const auto& note : notes) report.note(note);
  const auto started = std::chrono::steady_clock::now();
  const learn::TrainSink sink = [&](const learn::TrainProgress& p) {
    report.training(p);
    return !stop_asked;
  };
  PENCHANT_TRY(model, learn::train_from({start ? &*start : nullptr, lessons ? &*lessons : nullptr}, dataset.data, options, sink));
  if (!a.launch.leads()) return {};  // rank 0 writes the release
  if (start) notes.push_back(note_of(start->from, model));
  std::uint32_t returns = 0;
  for (const learn::EpochReport& e : model.epochs) returns += e.returns;
  if (returns > 0) notes.push_back("the loss did not stay finite: " + std::to_string(returns) + " times it went back to the epoch before and on with half the learning rate; a lower --set learning_rate saves the time");
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  std::optional<learn::TrainedModel> towers;
  if (a.towers) {
    PENCHANT_TRY(learned, learn::train_towers(dataset.data, of_towers, [&](learn::TrainProgress p) {
      p.phase = "two towers";
      report.training(p);
      return !stop_asked;
    }));
    towers = std::move(learned);
  }
  PENCHANT_DO(learn::write_release(folder, {a.name, now_iso(), preset, seconds, notes, start ? std::optional(start->from) : std::nullopt}, dataset, options, model,
                                   towers ? &*towers : nullptr));
  std::error_code ignored;
  std::filesystem::remove(options.checkpoint, ignored);
  char line[160];
  std::snprintf(line, sizeof line, "best epoch %u, validation NDCG@10 %.4f, %llu parameters", model.best_epoch,
                model.best_ndcg10, static_cast<unsigned long long>(model.parameters));
  report.note(line);
  return {};
}

int exit_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::not_found: return 3;
    case ErrorCode::corrupt: return 4;
    case ErrorCode::resource_exhausted: return 5;
    case ErrorCode::cancelled: return 6;
    case ErrorCode::internal: return 70;
    case ErrorCode::io: return 74;
    default: return 1;
  }
}

}  // namespace
}  // namespace penchant::app

int main(int argc, char** argv) try {
  using namespace penchant;
  // Tensors come and go by the megabyte: keep freed pages instead of faulting them in again.
  ::mi_option_disable(mi_option_allow_decommit);
  std::signal(SIGINT, app::ask_to_stop);
  std::signal(SIGTERM, app::ask_to_stop);
  std::signal(SIGPIPE, SIG_IGN);
  app::Arguments arguments;
  CLI::App cli("Learns semantic IDs and the user model from the events of a project.", "penchant-train");
  app::declare(cli, arguments);
  app::BaselineArguments baseline;
  const CLI::App* fit = app::declare_fit(cli, baseline);
  const CLI::App* encode = app::declare_encode(cli, baseline);
  app::FinetuneArguments copy;
  const CLI::App* finetune = app::declare_finetune(cli, copy);
  CLI11_PARSE(cli, argc, argv);
  auto launch = learn::launch_from_environment();
  Status done = launch.ok() ? Status() : std::move(launch).error();
  if (done.ok()) {
    arguments.launch = *launch;
    app::Report report(arguments.quiet || baseline.quiet || copy.quiet || !launch->leads(), ::isatty(2) == 1);
    if (fit->parsed()) done = app::run_fit(baseline, report, [] { return !app::stop_asked; });
    else if (encode->parsed()) done = app::run_encode(baseline);
    else if (finetune->parsed()) done = app::run_finetune(copy, app::now_iso(), report, [] { return !app::stop_asked; });
    else done = app::run(arguments, report);
  }
  if (done.ok()) return 0;
  std::fprintf(stderr, "penchant-train: %s\n", done.error().message.c_str());
  return app::exit_code(done.error().code);
} catch (const std::exception& e) {
  std::fprintf(stderr, "penchant-train: %s\n", e.what());
  return 70;
}
