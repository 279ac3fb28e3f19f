#include "penchant/evaluate/tune/release_subject.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "penchant/evaluate/baselines/trained_settings.h"
#include "penchant/evaluate/release/columns.h"
#include "penchant/evaluate/release/holdout.h"
#include "penchant/evaluate/trainer_process.h"
#include "penchant/learn/options.h"

namespace penchant::evaluate {
namespace {

namespace fs = std::filesystem;

/// Around the values of a preset.
std::vector<Setting> settings_around(const learn::TrainOptions& preset) {
  Setting dim = setting::dim(preset.dim);
  dim.step = 2.0 * preset.heads;
  Setting stretch = setting::max_len(preset.max_len);
  stretch.high = std::max(stretch.high, stretch.value);
  return {setting::learning_rate(preset.learning_rate),
          setting::dropout(preset.dropout),
          setting::input_dropout(preset.input_dropout),
          {.name = "id_dropout", .value = preset.id_dropout, .low = 0, .high = 0.5, .least = 0, .most = 1,
           .what = "chance that an item is seen by its content alone"},
          setting::label_smoothing(preset.label_smoothing),
          setting::weight_decay(preset.weight_decay),
          setting::batch(preset.batch),
          setting::epochs(preset.epochs),
          dim,
          setting::layers(preset.layers),
          stretch};
}

/// What penchant-train has to hold out for the validation events of a protocol.
Result<std::vector<std::string>> holdout_arguments(const Protocol& protocol) {
  if (protocol.kind != Kind::last_out && protocol.kind != Kind::time && protocol.kind != Kind::cold)
    return invalid(fmt::format("no release holds out what the protocol {} asks: tune with last-out, time or cold", name_of(protocol.kind)));
  std::vector<std::string> arguments{"--holdout", std::string(name_of(protocol.kind))};
  const auto add = [&](std::string option, std::string value) {
    arguments.push_back(std::move(option));
    arguments.push_back(std::move(value));
  };
  if (protocol.kind == Kind::cold) {
    add("--cold-share", fmt::format("{}", protocol.cold_share));
    add("--cold-seed", fmt::format("{}", protocol.cold_seed));
    add("--cold-by", catalog::name_of(protocol.cold_by));
  }
  if (protocol.ties == Ties::shuffled) add("--ties-seed", fmt::format("{}", protocol.seed));
  return arguments;
}

/// Removed when it goes.
struct Scratch {
  std::string folder, checkpoint;
  Scratch(std::string at, std::string file) : folder(std::move(at)), checkpoint(std::move(file)) { clear(); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { clear(); }

 private:
  void clear() const {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
    fs::remove(checkpoint, ignored);
  }
};

class ReleaseTrial final : public Model {
 public:
  ReleaseTrial(std::string column, const ReleaseTuning& tuning, std::vector<std::string> settings,
               std::vector<std::string> holdout, const Split& split)
      : names_{std::move(column)}, tuning_(tuning), settings_(std::move(settings)), holdout_(std::move(holdout)), split_(split) {}

  [[nodiscard]] const std::vector<std::string>& names() const noexcept override { return names_; }
  Status fit(const FitInput& input, Executor& executor, const ProgressSink& progress) override {
    const std::string name = ".tune-" + names_.front();  // no release is called so: names do not begin with a dot
    const Scratch scratch(tuning_.home + "/models/" + name, tuning_.home + "/tune/" + names_.front() + ".checkpoint");
    std::vector<std::string> arguments{"--home", tuning_.home, "--name", name, "--preset", tuning_.preset,
                                       "--seed", std::to_string(input.seed), "--checkpoint", scratch.checkpoint};
    arguments.insert(arguments.end(), holdout_.begin(), holdout_.end());
    if (!tuning_.encoder_dir.empty()) arguments.insert(arguments.end(), {"--encoder", tuning_.encoder_dir});
    if (tuning_.threads > 0) arguments.insert(arguments.end(), {"--threads", std::to_string(tuning_.threads)});
    for (const auto& setting : settings_) arguments.insert(arguments.end(), {"--set", setting});
    arguments.insert(arguments.end(), {"--progress-json", "/dev/fd/3"});
    PENCHANT_DO(run_trainer(tuning_.trainer, std::move(arguments), "train", progress));

    PENCHANT_TRY(facts, read_release_facts(scratch.folder));
    PENCHANT_DO(check_same_items(facts, split_.log()));
    PENCHANT_DO(check_unseen(facts, split_));
    PENCHANT_TRY(scorer, recommend::Scorer::load(scratch.folder, {}));
    PENCHANT_TRY(columns, ReleaseColumns::make(std::move(scorer), rank::Ranker(), names_, split_.log().types));
    columns_ = std::move(columns);
    return columns_->fit(input, executor, progress);
  }
  Status prepare(std::span<const Query> queries, Executor& executor) override { return columns_->prepare(queries, executor); }
  Status score(std::span<const Query> queries, MatrixView<float> out) const override { return columns_->score(queries, out); }

 private:
  std::vector<std::string> names_;
  const ReleaseTuning tuning_;
  std::vector<std::string> settings_, holdout_;
  const Split& split_;  ///< of the bench, which outlives its trials
  std::unique_ptr<Model> columns_;
};

}  // namespace

bool is_release_column(std::string_view name) noexcept { return std::ranges::find(kReleaseColumns, name) != kReleaseColumns.end(); }

Result<TuneSubject> release_subject(std::string_view name, ReleaseTuning tuning) {
  if (!is_release_column(name)) return invalid("a release has no \"" + std::string(name) + "\" that can be tuned: use penchant, dense or generator");
  if (tuning.trainer.empty())
    return Error{ErrorCode::unavailable, "releases are trained by penchant-train, which was not found: build it with LibTorch (tools/build release)"};
  if (tuning.preset == "auto") tuning.preset = learn::preset_for({.events = tuning.events, .users = tuning.users});
  PENCHANT_TRY(preset, learn::preset_options(tuning.preset));
  const std::string variant = tuning.preset;
  return TuneSubject{.name = std::string(name),
                     .settings = settings_around(preset),
                     .make = [name = std::string(name), tuning = std::move(tuning)](
                                 std::span<const std::string> words, const Split& split) -> Result<std::unique_ptr<Model>> {
                       PENCHANT_TRY(holdout, holdout_arguments(split.protocol()));
                       return std::unique_ptr<Model>(std::make_unique<ReleaseTrial>(
                           name, tuning, std::vector<std::string>(words.begin(), words.end()), std::move(holdout), split));
                     },
                     .variant = variant};
}

}  // namespace penchant::evaluate
