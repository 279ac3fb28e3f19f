#include "penchant/service/training.h"

#include <boost/json.hpp>
#include <chrono>
#include <ctime>
#include <filesystem>

#include "penchant/artifact/files.h"
#include "penchant/artifact/manifest.h"
#include "penchant/evaluate/report/card.h"
#include "penchant/evaluate/release/fusion.h"
#include "penchant/evaluate/trainer_process.h"

namespace penchant::service {
namespace {

namespace fs = std::filesystem;

std::string name_from_time() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y%m%d-%H%M%S", &parts);
  return text;
}

/// training.notes of a card; none where it has none.
Result<std::vector<std::string>> notes_of(const std::string& card) {
  constexpr std::uint64_t kMostBytes = 64ULL << 20;
  PENCHANT_TRY(text, artifact::read_file(card, kMostBytes));
  boost::json::error_code error;
  const auto value = boost::json::parse(text, error);
  const auto* notes = error ? nullptr : value.find_pointer("/training/notes", error);
  std::vector<std::string> out;
  if (notes == nullptr || !notes->is_array()) return out;
  for (const auto& note : notes->get_array())
    if (note.is_string()) out.emplace_back(note.get_string());
  return out;
}

bool plain_name(const std::string& name) {
  if (name.empty() || name.size() > 64 || name[0] == '.') return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == std::string::npos;
}

}  // namespace

Status check_release_name(const std::string& name) {
  if (plain_name(name)) return {};
  return invalid("release name \"" + name + "\": use 1 to 64 letters, digits, dots, dashes or underscores");
}

Result<TrainingOutcome> train_release(const TrainingOptions& options, store::Store& store, Executor& executor,
                                      const ProgressSink& progress) {
  const auto started = std::chrono::steady_clock::now();
  TrainingOutcome outcome;
  outcome.release = options.name.empty() ? name_from_time() : options.name;
  PENCHANT_DO(check_release_name(outcome.release));
  outcome.folder = options.home + "/models/" + outcome.release;
  if (fs::exists(outcome.folder + "/manifest.json"))
    return Error{ErrorCode::already_exists, "release \"" + outcome.release + "\" exists already; choose another --name"};
  PENCHANT_TRY(counts, store.counts());
  if (counts.events == 0 || counts.items == 0)
    return invalid("nothing to learn from: " + std::to_string(counts.items) + " items and " +
                   std::to_string(counts.events) + " events; import events first");
  std::error_code error;
  fs::create_directories(outcome.folder, error);
  if (error) return Error{ErrorCode::io, outcome.folder + ": " + error.message()};

  std::vector<std::string> arguments{"--home", options.home, "--name", outcome.release, "--preset", options.preset,
                                     "--seed", std::to_string(options.seed)};
  if (!options.encoder_dir.empty()) arguments.insert(arguments.end(), {"--encoder", options.encoder_dir});
  if (options.epochs > 0) arguments.insert(arguments.end(), {"--epochs", std::to_string(options.epochs)});
  if (options.threads > 0) arguments.insert(arguments.end(), {"--threads", std::to_string(options.threads)});
  if (options.resume) arguments.push_back("--resume");
  arguments.insert(arguments.end(), options.extra.begin(), options.extra.end());
  arguments.insert(arguments.end(), {"--progress-json", "/dev/fd/3"});
  if (auto trained = evaluate::run_trainer(options.trainer, std::move(arguments), "train", progress); !trained.ok()) {
    Error failure = std::move(trained).error();
    if (failure.code == ErrorCode::cancelled) failure.message += "; the live release is as before";
    if (failure.code == ErrorCode::resource_exhausted) failure.message += "; --resume goes on from its checkpoint";
    return failure;
  }

  if (options.follows) return outcome;
  PENCHANT_DO(evaluate::fit_fusion(outcome.folder, store, executor, progress));
  PENCHANT_TRY(summary, evaluate::write_card(outcome.folder, store, executor, progress));
  outcome.summary = summary;
  PENCHANT_TRY(notes, notes_of(outcome.folder + "/card.json"));
  outcome.notes = std::move(notes);
  PENCHANT_DO(artifact::verify_release(outcome.folder));  // what is recorded can be loaded
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  PENCHANT_DO(store.add_release({.name = outcome.release,
                                 .created_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count()}));
  if (options.promote) PENCHANT_DO(store.promote(outcome.release));
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return outcome;
}

}  // namespace penchant::service
