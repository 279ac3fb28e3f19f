#pragma once
/// \file What a history says about every item, and the feature rows made from it: one way for
/// evaluation and for serving. Layer 5.
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/matrix_view.h"
#include "penchant/rank/ranker.h"
#include "penchant/recommend/release_model.h"
#include "penchant/recommend/scorer.h"
#include "penchant/retrieve/popularity.h"
#include "penchant/retrieve/transitions.h"

namespace penchant::recommend {

/// Counts that features read. Views: live as long as the call.
struct CountViews {
  const retrieve::TransitionModel* transitions = nullptr;  ///< never null
  std::span<const std::int64_t> last_seen_ms;              ///< [n], 0 = never
};

/// Values for an item that training never saw, where its own would be unfairly low: those of the
/// median trained item. Computed when counts are loaded.
struct MedianItem {
  float popularity = 0;           ///< log1p(events)
  std::int64_t last_seen_ms = 0;
};
[[nodiscard]] MedianItem median_item(const CountViews& counts, std::span<const std::uint8_t> untrained);

/// Per row of the catalogue; an empty vector = the history says nothing. What was counted of a young item is filled up
/// with what was counted of its lenders, and an untrained item has the mean tower score of its own where that is higher:
/// the towers score what they never learned below all they did.
struct HistorySignals {
  std::vector<float> hidden;       ///< [d]
  std::vector<float> logits;       ///< [n], dense head
  float log_normaliser = 0;        ///< log sum exp(logits): dense = logits - log_normaliser
  std::vector<float> towers;       ///< [n], score of the two towers
  float tower_normaliser = 0;      ///< log sum exp(towers)
  std::vector<float> transitions;  ///< [n], log1p(1000 score)
  std::vector<float> alike;        ///< [n], how much of its lenders is in the history
  std::vector<float> profile;      ///< [x]
  std::vector<float> content;      ///< [n], cosine
};

/// \param model null: only transitions \param hidden [d] or empty \param items the history, oldest first
[[nodiscard]] HistorySignals history_signals(const ReleaseModel* model, const ItemTables& tables,
                                             const retrieve::TransitionModel& transitions,
                                             std::span<const float> hidden, std::span<const ItemId> items);

/// log(sum exp(values)); 0 for none.
[[nodiscard]] float log_sum_exp(std::span<const float> values);

/// The scale on which transition scores are features.
[[nodiscard]] float transition_feature(double score) noexcept;
/// -log1p(days between); an event after `at_ms` counts as now; 0 where the moment is not known (`at_ms` 0).
[[nodiscard]] float recency_feature(std::int64_t last_seen_ms, std::int64_t at_ms) noexcept;

/// Inputs of feature rows beside the signals.
struct FeatureInputs {
  const ItemTables* tables = nullptr;
  CountViews counts;
  MedianItem median;
  std::int64_t at_ms = 0;
  std::span<const std::uint8_t> seen;  ///< [n] or empty
  bool cold_lane = true;               ///< untrained items get the median where nothing was counted
};

/// Fills the history columns but the generator: out [rows.size(), >= kHistoryFeatures], other
/// columns stay. Untrained items get the median where theirs is lower (see MedianItem), with cold_lane.
void fill_history_features(const HistorySignals& signals, const FeatureInputs& inputs,
                           std::span<const std::uint32_t> rows, MatrixView<float> out);

}  // namespace penchant::recommend
