#include <algorithm>
#include <memory>

#include "penchant/evaluate/baselines.h"
#include "penchant/evaluate/holdout.h"
#include "penchant/evaluate/release_columns.h"
#include "penchant/evaluate/runner.h"

namespace penchant::evaluate {
namespace {

ModelSource baseline_source(const std::string& name) {
  return {name, true, true,
          [name](const Split&) -> Result<BoundModel> { return BoundModel{make_baseline(name)}; }};
}

Result<ModelSource> release_source(const std::string& folder, std::vector<std::string> names, bool required,
                                   bool allow_seen) {
  PENCHANT_TRY(facts, read_release_facts(folder));
  PENCHANT_TRY(loaded, recommend::Scorer::load(folder));
  PENCHANT_TRY(ranker, rank::Ranker::load(folder + "/ranker.json"));
  const std::shared_ptr<const recommend::Scorer> scorer = std::move(loaded);
  // Names are checked now, not after the baselines were fitted.
  PENCHANT_DO(ReleaseColumns::make(scorer, ranker, names, {}));
  const auto shared = std::make_shared<const ReleaseFacts>(std::move(facts));
  return ModelSource{"release " + shared->manifest.name, false, required,
                     [=](const Split& split) -> Result<BoundModel> {
                       PENCHANT_DO(check_same_items(*shared, split.log()));
                       const Status unseen = check_unseen(*shared, split);
                       if (!unseen.ok() && !allow_seen) return unseen.error();
                       PENCHANT_TRY(model, ReleaseColumns::make(scorer, ranker, names, split.log().types));
                       return BoundModel{std::move(model), !unseen.ok()};
                     }};
}

}  // namespace

Result<std::vector<ModelSource>> model_sources(std::span<const std::string> names,
                                               const std::string& release_folder, bool allow_seen) {
  std::vector<std::string> of_release;
  std::vector<ModelSource> sources;
  const auto baselines = baseline_names();
  if (names.empty()) {
    if (!release_folder.empty()) of_release = {"penchant", "dense", "generator"};
    for (const auto name : baselines) sources.push_back(baseline_source(std::string(name)));
  }
  for (std::size_t n = 0; n < names.size(); ++n) {
    if (std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(n), names[n]) !=
        names.begin() + static_cast<std::ptrdiff_t>(n))
      return invalid("model \"" + names[n] + "\" is named twice");
    if (std::ranges::find(baselines, names[n]) != baselines.end())
      sources.push_back(baseline_source(names[n]));
    else
      of_release.push_back(names[n]);
  }
  if (of_release.empty()) return sources;
  if (release_folder.empty())
    return invalid("model \"" + of_release.front() +
                   "\" is not a baseline (popularity, item-knn, "
                   "transitions) and there is no release: run `penchant train` first");
  PENCHANT_TRY(release, release_source(release_folder, std::move(of_release), !names.empty(), allow_seen));
  sources.insert(sources.begin(), std::move(release));
  return sources;
}

}  // namespace penchant::evaluate
