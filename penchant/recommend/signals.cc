#include "penchant/recommend/signals.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "penchant/kernels/top_k.h"

namespace penchant::recommend {
namespace {

using rank::column;
using rank::Feature;

constexpr std::size_t kMedianSample = 4096;  ///< rows that a median over the catalogue looks at

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
  for (float& score : signals.transitions)
    if (score != 0) score = transition_feature(static_cast<double>(score));
  std::vector<float> sample;
  sample_trained(tables.untrained, [&](std::size_t i) { sample.push_back(signals.transitions[i]); });
  signals.median_transition = median(sample);
  if (!signals.transitions.empty()) signals.most_transition = *std::max_element(signals.transitions.begin(), signals.transitions.end());
  if (model == nullptr) return signals;
  if (!hidden.empty()) {
    signals.hidden.assign(hidden.begin(), hidden.end());
    signals.logits.resize(tables.rows());
    dense_logits(*model, tables, hidden, signals.logits);
    signals.log_normaliser = log_sum_exp(signals.logits);
    signals.transition_line = cold_line(signals.logits, signals.transitions, tables.untrained);
  }
  if (model->towers) {
    signals.towers.resize(tables.rows());
    tower_scores(*model, tables, items, signals.towers);
    signals.tower_normaliser = log_sum_exp(signals.towers);
    signals.most_tower = *std::max_element(signals.towers.begin(), signals.towers.end());
    if (!signals.logits.empty()) signals.tower_line = cold_line(signals.logits, signals.towers, tables.untrained);
  }
  if (model->content_dim > 0) signals.profile = retrieve::content_profile(tables.content, items);
  if (!signals.profile.empty()) {
    signals.content.resize(tables.rows());
    tables.content.scan(signals.profile, signals.content);
  }
  return signals;
}

ColdLine cold_line(std::span<const float> dense, std::span<const float> values,
                   std::span<const std::uint8_t> untrained) {
  kernels::TopK best(kColdLinePoints);
  for (std::size_t i = 0; i < dense.size(); ++i)
    if (untrained[i] == 0 && std::isfinite(values[i])) best.offer(dense[i], static_cast<std::uint32_t>(i));
  const auto points = best.take();
  if (points.empty()) return {};
  double x = 0, y = 0, xx = 0, xy = 0;
  const auto n = static_cast<double>(points.size());
  for (const auto& point : points) {
    x += static_cast<double>(point.score) / n;
    y += static_cast<double>(values[point.index]) / n;
  }
  for (const auto& point : points) {
    const double dx = static_cast<double>(point.score) - x;
    xx += dx * dx;
    xy += dx * (static_cast<double>(values[point.index]) - y);
  }
  const double slope = xx > 1e-9 ? std::max(xy / xx, 0.0) : 0;
  return {y - slope * x, slope};
}

void fill_history_features(const HistorySignals& signals, const FeatureInputs& inputs,
                           std::span<const std::uint32_t> rows, MatrixView<float> out) {
  const ItemTables& tables = *inputs.tables;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const std::uint32_t i = rows[r];
    const auto row = out.row(r);
    const bool cold = i >= tables.untrained.size() || tables.untrained[i] != 0;
    if (!signals.logits.empty()) row[column(Feature::dense)] = signals.logits[i] - signals.log_normaliser;
    float transition = i < signals.transitions.size() ? signals.transitions[i] : 0;
    float popularity = std::log1p(static_cast<float>(std::max<std::int64_t>(inputs.counts.transitions->count(ItemId{i}), 0)));
    std::int64_t last_seen = i < inputs.counts.last_seen_ms.size() ? inputs.counts.last_seen_ms[i] : 0;
    if (cold && inputs.cold_lane) {
      float guess = signals.median_transition;
      if (!signals.logits.empty())
        guess = std::clamp(signals.transition_line.at(signals.logits[i]), guess, signals.most_transition);
      transition = std::max(transition, guess);
      popularity = std::max(popularity, inputs.median.popularity);
      last_seen = std::max(last_seen, inputs.median.last_seen_ms);
    }
    row[column(Feature::transitions)] = transition;
    row[column(Feature::popularity)] = popularity;
    row[column(Feature::recency)] = recency_feature(last_seen, inputs.at_ms);
    row[column(Feature::content)] = i < signals.content.size() ? signals.content[i] : 0;
    row[column(Feature::seen)] = i < inputs.seen.size() && inputs.seen[i] != 0 ? 1.0F : 0.0F;
    row[column(Feature::cold)] = cold ? 1.0F : 0.0F;
    if (signals.towers.empty()) continue;
    float towers = signals.towers[i];
    if (cold && inputs.cold_lane && !signals.logits.empty())
      towers = std::max(towers, std::min(signals.tower_line.at(signals.logits[i]), signals.most_tower));
    row[column(Feature::towers)] = towers - signals.tower_normaliser;
  }
}

}  // namespace penchant::recommend
