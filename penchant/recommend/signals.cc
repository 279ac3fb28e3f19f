#include "penchant/recommend/signals.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace penchant::recommend {
namespace {

using rank::column;
using rank::Feature;

constexpr std::size_t kMedianSample = 4096;  ///< rows that a median over the catalogue looks at
constexpr float kHalfGrownEvents = 4;        ///< own transitions count for half then; chosen on Beauty's validation events
constexpr float kGrownEvents = 64;           ///< and for all from here on

template <class T>
T median(std::vector<T>& values) {
  if (values.empty()) return T{};
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Evenly spread trained rows, at most kMedianSample.
template <class Visit>
void sample_trained(std::span<const std::uint8_t> untrained, Visit&& visit) {
  const std::size_t step = std::max<std::size_t>(1, untrained.size() / kMedianSample);
  for (std::size_t i = 0; i < untrained.size(); i += step)
    if (untrained[i] == 0) visit(i);
}

/// Young items carry part of what their lenders have, new ones all of it.
std::vector<float> borrowed(const ItemTables& tables, const retrieve::TransitionModel& counts, std::vector<float> scores) {
  const std::vector<float> own = scores;
  for (std::uint32_t i = 0; i < std::min(scores.size(), tables.lenders.items()); ++i) {
    const auto events = static_cast<float>(std::max<std::int64_t>(counts.count(ItemId{i}), 0));
    if (events >= kGrownEvents || tables.lenders.rows(i).empty()) continue;
    const float share = events / (events + kHalfGrownEvents);
    scores[i] = share * own[i] + (1 - share) * tables.lenders.mean(i, own);
  }
  return scores;
}

/// See Feature::alike.
std::vector<float> alike(const ItemTables& tables, std::span<const ItemId> items) {
  const std::size_t n = std::min(tables.rows(), tables.lenders.items());
  std::vector<float> weight(tables.rows(), 0), out(tables.rows(), 0);
  double decay = 1;
  for (std::size_t e = items.size(); e > 0 && items.size() - e < retrieve::kTransitionHistory; --e, decay *= retrieve::kTransitionDecay)
    if (index(items[e - 1]) < weight.size()) weight[index(items[e - 1])] += static_cast<float>(decay);
  for (std::size_t i = 0; i < n; ++i) out[i] = tables.lenders.mean(i, weight);
  return out;
}

}  // namespace

MedianItem median_item(const CountViews& counts, std::span<const std::uint8_t> untrained) {
  std::vector<std::int64_t> popularity, last_seen;
  sample_trained(untrained, [&](std::size_t i) {
    popularity.push_back(counts.transitions->count(ItemId{static_cast<std::uint32_t>(i)}));
    if (i < counts.last_seen_ms.size() && counts.last_seen_ms[i] != 0) last_seen.push_back(counts.last_seen_ms[i]);
  });
  return {std::log1p(static_cast<float>(median(popularity))), median(last_seen)};
}

float log_sum_exp(std::span<const float> values) {
  if (values.empty()) return 0;
  const float top = *std::max_element(values.begin(), values.end());
  float sum = 0;
  for (const float value : values) sum += std::exp(value - top);
  return top + std::log(sum);
}

float transition_feature(double score) noexcept { return static_cast<float>(std::log1p(1000 * std::max(score, 0.0))); }

float recency_feature(std::int64_t last_seen_ms, std::int64_t at_ms) noexcept {
  if (at_ms == 0) return 0;
  constexpr double day = 24.0 * 3600 * 1000;
  const double days = (static_cast<double>(at_ms) - static_cast<double>(last_seen_ms)) / day;
  return static_cast<float>(-std::log1p(std::max(days, 0.0)));
}

HistorySignals history_signals(const ReleaseModel* model, const ItemTables& tables,
                               const retrieve::TransitionModel& transitions, std::span<const float> hidden,
                               std::span<const ItemId> items) {
  HistorySignals signals;
  if (items.empty()) return signals;
  signals.transitions.resize(transitions.items());
  transitions.score(items, signals.transitions);
  signals.transitions = borrowed(tables, transitions, std::move(signals.transitions));
  for (float& score : signals.transitions)
    if (score != 0) score = transition_feature(static_cast<double>(score));
  if (model == nullptr) return signals;
  signals.alike = alike(tables, items);
  if (!hidden.empty()) {
    signals.hidden.assign(hidden.begin(), hidden.end());
    signals.logits.resize(tables.rows());
    dense_logits(*model, tables, hidden, signals.logits);
    signals.log_normaliser = log_sum_exp(signals.logits);
  }
  if (model->towers) {
    signals.towers.resize(tables.rows());
    tower_scores(*model, tables, items, signals.towers);
    for (std::size_t i = 0; i < tables.rows(); ++i)
      if (tables.untrained[i] != 0 && !tables.lenders.rows(i).empty()) signals.towers[i] = std::max(signals.towers[i], tables.lenders.mean(i, signals.towers));
    signals.tower_normaliser = log_sum_exp(signals.towers);
  }
  if (model->content_dim > 0) signals.profile = retrieve::content_profile(tables.content, items);
  if (!signals.profile.empty()) {
    signals.content.resize(tables.rows());
    tables.content.scan(signals.profile, signals.content);
  }
  return signals;
}

void fill_history_features(const HistorySignals& signals, const FeatureInputs& inputs,
                           std::span<const std::uint32_t> rows, MatrixView<float> out) {
  const ItemTables& tables = *inputs.tables;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const std::uint32_t i = rows[r];
    const auto row = out.row(r);
    const bool cold = i >= tables.untrained.size() || tables.untrained[i] != 0;
    if (!signals.logits.empty()) row[column(Feature::dense)] = signals.logits[i] - signals.log_normaliser;
    float popularity = std::log1p(static_cast<float>(std::max<std::int64_t>(inputs.counts.transitions->count(ItemId{i}), 0)));
    std::int64_t last_seen = i < inputs.counts.last_seen_ms.size() ? inputs.counts.last_seen_ms[i] : 0;
    if (cold && inputs.cold_lane) {
      popularity = std::max(popularity, inputs.median.popularity);
      last_seen = std::max(last_seen, inputs.median.last_seen_ms);
    }
    row[column(Feature::transitions)] = i < signals.transitions.size() ? signals.transitions[i] : 0;
    row[column(Feature::popularity)] = popularity;
    row[column(Feature::recency)] = recency_feature(last_seen, inputs.at_ms);
    row[column(Feature::alike)] = i < signals.alike.size() ? signals.alike[i] : 0;
    row[column(Feature::content)] = i < signals.content.size() ? signals.content[i] : 0;
    row[column(Feature::seen)] = i < inputs.seen.size() && inputs.seen[i] != 0 ? 1.0F : 0.0F;
    row[column(Feature::cold)] = cold ? 1.0F : 0.0F;
    if (!signals.towers.empty()) row[column(Feature::towers)] = signals.towers[i] - signals.tower_normaliser;
  }
}

}  // namespace penchant::recommend
