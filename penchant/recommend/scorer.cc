#include "penchant/recommend/scorer.h"

#include <algorithm>
#include <numeric>

#include "penchant/base/rng.h"
#include "penchant/recommend/history_input.h"
#include "penchant/recommend/path_scores.h"
#include "penchant/recommend/release_model.h"
#include "penchant/recommend/signals.h"

namespace penchant::recommend {
namespace {

using rank::column;
using rank::Feature;

/// Gives every item the codes of another: one random cycle through all rows.
Status permute_codes(std::uint64_t seed, const std::string& release, Matrix<Code>& codes) {
  bool differ = false;
  for (std::size_t i = 1; i < codes.rows() && !differ; ++i) differ = !std::ranges::equal(codes.row(0), codes.row(i));
  if (!differ)
    return invalid("release " + release +
                   " has no semantic IDs that tell its items apart, so there is nothing to permute: "
                   "the control shuffled-codes needs a release with codes");
  std::vector<std::uint32_t> order(codes.rows());
  std::iota(order.begin(), order.end(), 0U);
  Rng rng(seed);
  rng.shuffle(std::span(order));
  Matrix<Code> moved(codes.rows(), codes.cols());
  for (std::size_t k = 0; k < order.size(); ++k)
    std::ranges::copy(codes.row(order[(k + 1) % order.size()]), moved.row(order[k]).begin());
  codes = std::move(moved);
  return {};
}

class ReleaseScorer final : public Scorer {
 public:
  ReleaseScorer(LoadedRelease release, bool cold_lane)
      : release_(std::move(release)), cold_lane_(cold_lane), rows_(release_.tables.rows()) {
    for (std::size_t f = 0; f < rank::kHistoryFeatures; ++f)
      names_.emplace_back(rank::name_of(static_cast<Feature>(f)));
    std::iota(rows_.begin(), rows_.end(), 0U);
    median_ = median_item(counts(), release_.tables.untrained);
  }

  [[nodiscard]] std::size_t items() const noexcept override { return release_.tables.rows(); }
  [[nodiscard]] const artifact::Manifest& manifest() const noexcept override { return release_.model->manifest; }
  [[nodiscard]] const std::vector<std::string>& feature_names() const noexcept override { return names_; }

  Result<Matrix<float>> features(std::span<const HistoryEvent> history, std::int64_t at_ms,
                                 bool with_generator) const override {
    const ItemTables& tables = release_.tables;
    std::vector<std::uint8_t> seen(items(), 0);
    std::vector<ItemId> sequence;
    for (std::size_t t = 0; t < history.size(); ++t) {
      if (index(history[t].item) >= items())
        return invalid("history event " + std::to_string(t) + ": item row " + std::to_string(index(history[t].item)) +
                       " is not below " + std::to_string(items()));
      seen[index(history[t].item)] = 1;
      sequence.push_back(history[t].item);
    }
    PENCHANT_TRY(state, encode_history(*release_.model, tables, history));
    const HistorySignals signals =
        history_signals(release_.model.get(), tables, release_.transitions, state.hidden, sequence);
    if (at_ms == 0 && !history.empty()) at_ms = history.back().time_ms;
    Matrix<float> out(items(), rank::kHistoryFeatures);
    fill_history_features(signals, {&tables, counts(), median_, at_ms, seen, cold_lane_}, rows_, out.view());
    if (with_generator && !state.hidden.empty()) add_generator(state.hidden, out);
    return out;
  }

  Result<std::vector<float>> score(std::span<const HistoryEvent> history, std::int64_t at_ms) const override {
    PENCHANT_TRY(matrix, features(history, at_ms, true));
    const auto task = history.empty() ? rank::Task::guest : rank::Task::recommend;
    std::vector<float> scores(items());
    for (std::size_t i = 0; i < items(); ++i)
      scores[i] = static_cast<float>(release_.model->ranker.score(task, matrix.row(i)));
    return scores;
  }

 private:
  [[nodiscard]] CountViews counts() const { return {&release_.transitions, release_.last_seen_ms}; }

  void add_generator(std::span<const float> hidden, Matrix<float>& out) const {
    std::vector<float> generator(items()), dense(items());
    path_log_probs(*release_.model->decoder, hidden, release_.tables.codes.view(), rows_, generator);
    for (std::size_t i = 0; i < items(); ++i) dense[i] = out(i, column(Feature::dense));
    const ColdLine line = cold_line(dense, generator, release_.tables.untrained);
    for (std::size_t i = 0; i < items(); ++i)
      out(i, column(Feature::generator)) =
          release_.tables.untrained[i] == 0 || !cold_lane_ ? generator[i] : std::max(generator[i], line.at(dense[i]));
  }

  LoadedRelease release_;
  bool cold_lane_;
  std::vector<std::uint32_t> rows_;  ///< 0..n-1
  std::vector<std::string> names_;
  MedianItem median_;
};

}  // namespace

Result<std::unique_ptr<Scorer>> Scorer::load(const std::string& folder, const ScorerOptions& options) {
  PENCHANT_TRY(release, load_release(folder));
  if (options.code_permutation_seed)
    PENCHANT_DO(permute_codes(*options.code_permutation_seed, release.model->manifest.name, release.tables.codes));
  if (!options.as_new.empty()) {
    if (options.as_new.size() != release.tables.rows()) return invalid("as_new must have one mark per item of the release");
    PENCHANT_DO(make_new(release, options.as_new));
  }
  return std::unique_ptr<Scorer>(std::make_unique<ReleaseScorer>(std::move(release), options.cold_lane));
}

}  // namespace penchant::recommend
