#include <algorithm>
#include <array>
#include <memory>

#include "penchant/evaluate/baselines/registry.h"
#include "penchant/evaluate/release/columns.h"
#include "penchant/evaluate/release/holdout.h"
#include "penchant/evaluate/runner.h"

namespace penchant::evaluate {
namespace {

/// Fitted in seconds on a hundred thousand events.
constexpr std::array<std::string_view, 4> kCheap{"popularity", "popularity-recent", "item-knn", "transitions"};

ModelSource baseline_source(const BaselineInfo& info, bool required, const SourceOptions& options,
                            std::vector<std::string> settings) {
  return {.name = std::string(info.name),
          .baseline = true,
          .required = required,
          .bind = [name = std::string(info.name), settings = std::move(settings),
                   context = options.baselines](const Split&) -> Result<BoundModel> {
            PENCHANT_TRY(model, make_baseline(name, settings, context));
            return BoundModel{std::move(model)};
          },
          .content = info.content};
}

Result<ModelSource> release_source(const SourceOptions& options, std::vector<std::string> names, bool required) {
  const std::string& folder = options.release_folder;
  PENCHANT_TRY(facts, read_release_facts(folder));
  recommend::ScorerOptions scoring;
  if (options.control == Control::shuffled_codes) scoring.code_permutation_seed = options.seed;
  scoring.cold_lane = options.control != Control::no_cold_lane;
  PENCHANT_TRY(loaded, recommend::Scorer::load(folder, scoring));
  PENCHANT_TRY(ranker, rank::Ranker::load(folder + "/ranker.json"));
  const std::shared_ptr<const recommend::Scorer> scorer = std::move(loaded);
  // Names are checked now, not after the baselines were fitted.
  PENCHANT_DO(ReleaseColumns::make(scorer, ranker, names, {}));
  const auto shared = std::make_shared<const ReleaseFacts>(std::move(facts));
  const bool allow_seen = options.allow_seen;
  return ModelSource{.name = "release " + shared->manifest.name,
                     .baseline = false,
                     .required = required,
                     .bind = [=](const Split& split) -> Result<BoundModel> {
                       PENCHANT_DO(check_same_items(*shared, split.log()));
                       const Status unseen = check_unseen(*shared, split);
                       if (!unseen.ok() && !allow_seen) return unseen.error();
                       PENCHANT_TRY(model, ReleaseColumns::make(scorer, ranker, names, split.log().types));
                       return BoundModel{std::move(model), !unseen.ok()};
                     }};
}

std::string known_baselines() {
  std::string known;
  for (const auto& info : baselines()) known += (known.empty() ? "" : ", ") + std::string(info.name);
  return known;
}

bool is_group(std::string_view name) { return name == "default" || name == "classic" || name == "all"; }

bool in_group(const BaselineInfo& info, std::string_view group) {
  if (group == "all") return true;
  if (group == "classic") return !info.trained;
  return std::ranges::find(kCheap, info.name) != kCheap.end();
}

/// The settings of one model: "l2=300" of "ease.l2=300".
std::vector<std::string> settings_of(std::string_view model, std::span<const std::string> settings) {
  std::vector<std::string> own;
  for (const auto& setting : settings)
    if (setting.size() > model.size() && setting.starts_with(model) && setting[model.size()] == '.')
      own.push_back(setting.substr(model.size() + 1));
  return own;
}

struct Chosen {
  const BaselineInfo* info;
  bool required;
};

}  // namespace

Result<std::vector<ModelSource>> model_sources(const SourceOptions& options) {
  std::vector<std::string> names = options.names;
  if (names.empty()) names.emplace_back("default");
  std::vector<std::string> of_release;
  bool release_required = false;
  std::vector<Chosen> chosen;
  for (std::size_t n = 0; n < names.size(); ++n) {
    if (std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(n), names[n]) !=
        names.begin() + static_cast<std::ptrdiff_t>(n))
      return invalid("model \"" + names[n] + "\" is named twice");
    if (!is_group(names[n])) {
      const auto* info = find_baseline(names[n]);
      if (info != nullptr) {
        std::erase_if(chosen, [&](const Chosen& c) { return c.info == info; });
        chosen.push_back({info, true});
      } else {
        release_required = true;
        if (std::ranges::find(of_release, names[n]) == of_release.end()) of_release.push_back(names[n]);
      }
      continue;
    }
    for (const auto& info : baselines())
      if (in_group(info, names[n]) &&
          std::ranges::none_of(chosen, [&](const Chosen& c) { return c.info == &info; }))
        chosen.push_back({&info, false});
    if (names[n] != "classic" && !options.release_folder.empty())
      for (const auto part : kReleaseColumns)
        if (std::ranges::find(of_release, part) == of_release.end()) of_release.emplace_back(part);
  }
  for (const auto& setting : options.settings) {
    const auto model = setting.substr(0, setting.find('.'));
    if (setting.find('.') == std::string::npos || setting.find('=') == std::string::npos)
      return invalid("setting \"" + setting + "\": write MODEL.NAME=VALUE, as in ease.lambda=300");
    if (std::ranges::none_of(chosen, [&](const Chosen& c) { return c.info->name == model; }))
      return invalid("setting \"" + setting + "\": " + model + " is not among the models of this run");
  }
  std::vector<ModelSource> sources;
  if (!of_release.empty()) {
    if (options.release_folder.empty())
      return invalid("model \"" + of_release.front() + "\" is not a baseline (" + known_baselines() +
                     ") and there is no release: run `penchant train` first");
    PENCHANT_TRY(release, release_source(options, std::move(of_release), release_required));
    sources.push_back(std::move(release));
  }
  for (const auto& [info, required] : chosen) {
    auto settings = settings_of(info->name, options.settings);
    // Settings are checked now, not after an hour of other models.
    if (const auto made = make_baseline(info->name, settings, options.baselines);
        !made.ok() && made.error().code == ErrorCode::invalid_argument && !settings.empty())
      return made.error();
    sources.push_back(baseline_source(*info, required, options, std::move(settings)));
  }
  return sources;
}

Result<std::vector<ModelSource>> model_sources(std::span<const std::string> names,
                                               const std::string& release_folder, bool allow_seen) {
  return model_sources(
      {.names = {names.begin(), names.end()}, .release_folder = release_folder, .allow_seen = allow_seen});
}

}  // namespace penchant::evaluate
