#include "penchant/recommend/scorer.h"

#include <algorithm>
#include <numeric>

#include "penchant/base/rng.h"
#include "penchant/kernels/top_k.h"
#include "penchant/recommend/history_input.h"
#include "penchant/recommend/paths.h"
#include "penchant/recommend/release_model.h"
#include "penchant/recommend/signals.h"

namespace penchant::recommend {
namespace {

using rank::column;
using rank::Feature;
using rank::Task;

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
  ReleaseScorer(LoadedRelease release, Paths paths, bool cold_lane)
      : release_(std::move(release)), paths_(std::move(paths)), cold_lane_(cold_lane), rows_(release_.tables.rows()) {
    for (std::size_t f = 0; f < rank::kHistoryFeatures; ++f)
      names_.emplace_back(rank::name_of(static_cast<Feature>(f)));
    std::iota(rows_.begin(), rows_.end(), 0U);
    median_ = median_item(counts(), release_.tables.untrained);
    if (!cold_lane_) release_.tables.lenders = {};
  }

  [[nodiscard]] std::size_t items() const noexcept override { return release_.tables.rows(); }
  [[nodiscard]] const artifact::Manifest& manifest() const noexcept override { return release_.model->manifest; }
  [[nodiscard]] const std::vector<std::string>& feature_names() const noexcept override { return names_; }

  Result<Matrix<float>> features(std::span<const HistoryEvent> history, std::int64_t at_ms,
                                 const GeneratorRows& generator) const override {
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
    PENCHANT_TRY(state, encode_history(*release_.model, tables, history, at_ms));
    const HistorySignals signals =
        history_signals(release_.model.get(), tables, release_.transitions, state.hidden, sequence);
    Matrix<float> out(items(), rank::kHistoryFeatures);
    fill_history_features(signals, {&tables, counts(), median_, at_ms, seen, cold_lane_}, rows_, out.view());
    if (state.hidden.empty()) return out;
    if (!generator) add_generator(state.hidden, rows_, out);
    else
      for (auto rows = generator(out); !rows.empty(); rows = generator(out)) add_generator(state.hidden, rows, out);
    return out;
  }

 private:
  [[nodiscard]] CountViews counts() const { return {&release_.transitions, release_.last_seen_ms}; }

  void add_generator(std::span<const float> hidden, std::span<const std::uint32_t> rows, Matrix<float>& out) const {
    std::vector<float> generator(rows.size());
    generate::path_log_probs(generator_of(*release_.model, release_.tables, paths_), hidden, release_.tables.codes.view(), rows, generator);
    for (std::size_t r = 0; r < rows.size(); ++r) out(rows[r], column(Feature::generator)) = generator[r];
  }

  LoadedRelease release_;
  Paths paths_;  ///< of the codes as they were learned
  bool cold_lane_;
  std::vector<std::uint32_t> rows_;  ///< 0..n-1
  std::vector<std::string> names_;
  MedianItem median_;
};

/// Fills what may be among the best until everything among the best is filled.
class BestRows {
 public:
  BestRows(const rank::Ranker& ranker, Task task, std::size_t exact) : ranker_(ranker), task_(task), exact_(exact) {}

  std::vector<std::uint32_t> operator()(const Matrix<float>& features) {
    filled_.resize(features.rows(), 0);
    const auto best = kernels::top_k(fused_scores(ranker_, task_, features), kMoreRows * exact_);
    std::vector<std::uint32_t> rows;
    bool missing = false;
    for (std::size_t r = 0; r < best.size(); ++r) {
      if (filled_[best[r].index] != 0) continue;
      missing |= r < exact_;
      rows.push_back(best[r].index);
    }
    if (!missing) return {};
    for (const std::uint32_t row : rows) filled_[row] = 1;
    return rows;
  }

 private:
  static constexpr std::size_t kMoreRows = 4;  ///< as many as are wanted are filled at once: prefixes are shared
  const rank::Ranker& ranker_;
  Task task_;
  std::size_t exact_;
  std::vector<std::uint8_t> filled_;
};

}  // namespace

GeneratorRows no_rows() {
  return [](const Matrix<float>&) { return std::vector<std::uint32_t>(); };
}

GeneratorRows best_rows(const rank::Ranker& ranker, Task task, std::size_t exact) {
  const double weight = ranker.weights(task)[column(Feature::generator)];
  if (weight == 0) return no_rows();
  return weight < 0 ? GeneratorRows() : BestRows(ranker, task, exact);
}

std::vector<float> fused_scores(const rank::Ranker& ranker, Task task, const Matrix<float>& features) {
  std::vector<float> scores(features.rows());
  for (std::size_t i = 0; i < scores.size(); ++i) scores[i] = static_cast<float>(ranker.score(task, features.row(i)));
  return scores;
}

Result<std::unique_ptr<Scorer>> Scorer::load(const std::string& folder, const ScorerOptions& options) {
  PENCHANT_TRY(release, load_release(folder));
  if (!options.as_new.empty()) {
    if (options.as_new.size() != release.tables.rows()) return invalid("as_new must have one mark per item of the release");
    PENCHANT_DO(make_new(release, options.as_new));
  }
  Executor executor(1);
  PENCHANT_TRY(paths, make_paths(*release.model, release.tables, executor));
  if (options.code_permutation_seed)
    PENCHANT_DO(permute_codes(*options.code_permutation_seed, release.model->manifest.name, release.tables.codes));
  return std::unique_ptr<Scorer>(std::make_unique<ReleaseScorer>(std::move(release), std::move(paths), options.cold_lane));
}

}  // namespace penchant::recommend
