#include "penchant/evaluate/release/columns.h"

#include <algorithm>
#include <limits>

namespace penchant::evaluate {
namespace {

constexpr std::size_t kExactPlaces = 50;  ///< more than any metric reads

}  // namespace

Result<std::unique_ptr<Model>> ReleaseColumns::make(std::shared_ptr<const recommend::Scorer> scorer,
                                                    rank::Ranker ranker, std::vector<std::string> names,
                                                    std::vector<std::string> types) {
  const auto& features = scorer->feature_names();
  // The fused score needs the columns in the order of the ranker.
  for (std::size_t f = 0; f < features.size(); ++f)
    if (f >= rank::kFeatures || features[f] != rank::name_of(static_cast<rank::Feature>(f)))
      return Error{ErrorCode::internal, "the scorer's columns are not those of the ranker"};
  std::unique_ptr<ReleaseColumns> model(new ReleaseColumns(std::move(scorer), std::move(ranker)));
  for (const auto& name : names) {
    const auto at = std::ranges::find(features, name);
    if (name != "penchant" && at == features.end()) {
      std::string known = "penchant";
      for (const auto& feature : features) known += ", " + feature;
      return invalid("a release has no model \"" + name + "\": it has " + known);
    }
    model->columns_.push_back(name == "penchant" ? kFused : static_cast<std::size_t>(at - features.begin()));
    model->asks_generator_ |= name == rank::name_of(rank::Feature::generator);
    model->asks_fused_ |= name == "penchant";
  }
  model->names_ = std::move(names);
  model->types_ = std::move(types);
  return std::unique_ptr<Model>(std::move(model));
}

Status ReleaseColumns::fit(const FitInput& input, Executor&, const ProgressSink&) {
  const TrainingData& training = input.training;
  if (training.items < scorer_->items())
    return invalid("the release knows " + std::to_string(scorer_->items()) + " items, the store only " +
                   std::to_string(training.items));
  world_times_ = training.world_times;
  return {};
}

Status ReleaseColumns::score(std::span<const Query> queries, MatrixView<float> out) const {
  for (std::size_t q = 0; q < queries.size(); ++q) {
    const auto history = to_history(queries[q].history, types_, scorer_->items());
    const auto task = history.empty() ? rank::Task::guest : rank::Task::recommend;
    const std::size_t exact = kExactPlaces + history.size();  // seen items may be taken out of the list
    const auto generator = asks_generator_ ? recommend::GeneratorRows()
                           : asks_fused_   ? recommend::best_rows(ranker_, task, exact)
                                           : recommend::no_rows();
    PENCHANT_TRY(features, scorer_->features(history, world_times_ ? queries[q].at_ms : 0, generator));
    for (std::size_t n = 0; n < columns_.size(); ++n) {
      const auto scores = out.row(q * columns_.size() + n);
      for (std::size_t i = 0; i < features.rows(); ++i) {
        const auto row = features.row(i);
        scores[i] = columns_[n] == kFused ? static_cast<float>(ranker_.score(task, row)) : row[columns_[n]];
      }
      std::fill(scores.begin() + static_cast<std::ptrdiff_t>(features.rows()), scores.end(),
                -std::numeric_limits<float>::infinity());
    }
  }
  return {};
}

std::vector<recommend::HistoryEvent> to_history(std::span<const Interaction> events,
                                                const std::vector<std::string>& types,
                                                std::size_t known_items) {
  std::vector<recommend::HistoryEvent> out;
  out.reserve(events.size());
  for (const auto& event : events)
    if (event.item < known_items)
      out.push_back({catalog::ItemId{event.item}, types[event.type], event.value, event.time_ms});
  return out;
}

}  // namespace penchant::evaluate
