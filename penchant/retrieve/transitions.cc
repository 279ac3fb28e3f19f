#include "penchant/retrieve/transitions.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <limits>
#include <map>

namespace penchant::retrieve {
namespace {

constexpr std::int32_t kUnit = 12;  ///< 1 = 12 twelfths
/// Twelfths of a step of k positions forward (1/k) and back (0.5/k).
constexpr std::int32_t forward_units(std::size_t k) { return kUnit / static_cast<std::int32_t>(k); }
constexpr std::int32_t back_units(std::size_t k) { return forward_units(k) / 2; }

double decay(std::size_t age) { return std::pow(kTransitionDecay, static_cast<double>(age)); }

template <class Item, class Visit>  // visit(from, to, units) for every counted pair of one sequence
void for_each_pair(std::span<const Item> sequence, Visit&& visit) {
  for (std::size_t b = 1; b < sequence.size(); ++b) {
    for (std::size_t k = 1; k <= kTransitionReach && k <= b; ++k) {
      visit(sequence[b - k], sequence[b], forward_units(k));
      visit(sequence[b], sequence[b - k], back_units(k));
    }
  }
}

Error corrupt(std::string message) { return {ErrorCode::corrupt, std::move(message)}; }

}  // namespace

TransitionModel::TransitionModel(std::size_t items)
    : offsets_(1, 0), row_units_(items, 0), popularity_(items, 0) {}

TransitionModel TransitionModel::build(const Sequences& sequences, std::size_t items) {
  TransitionModel model(items);
  const auto sequence = [&](std::size_t u) {
    return sequences.items.subspan(sequences.offsets[u], sequences.offsets[u + 1] - sequences.offsets[u]);
  };
  const std::size_t users = sequences.offsets.empty() ? 0 : sequences.offsets.size() - 1;
  // Pass 1: room for every row; pass 2: fill; then sort and merge each row.
  std::vector<std::uint64_t> begin(items + 1, 0);
  for (std::size_t u = 0; u < users; ++u) {
    for (const std::uint32_t item : sequence(u)) {
      PENCHANT_CHECK(item < items, "item row of a training sequence");
      ++model.popularity_[item];
    }
    for_each_pair(sequence(u),
                  [&](std::uint32_t from, std::uint32_t, std::int32_t) { ++begin[from + 1]; });
  }
  for (std::size_t i = 0; i < items; ++i) begin[i + 1] += begin[i];
  struct Cell {
    std::uint32_t column;
    std::int32_t units;
  };
  std::vector<Cell> cells(begin[items]);
  std::vector<std::uint64_t> next(begin.begin(), begin.end() - 1);
  for (std::size_t u = 0; u < users; ++u) {
    for_each_pair(sequence(u), [&](std::uint32_t from, std::uint32_t to, std::int32_t units) {
      cells[next[from]++] = {to, units};
    });
  }
  model.offsets_.assign(items + 1, 0);
  for (std::size_t i = 0; i < items; ++i) {
    const auto row = std::span(cells).subspan(begin[i], begin[i + 1] - begin[i]);
    std::sort(row.begin(), row.end(), [](const Cell& a, const Cell& b) { return a.column < b.column; });
    for (const Cell& cell : row) {
      model.row_units_[i] += cell.units;
      if (model.columns_.size() > model.offsets_[i] && model.columns_.back() == cell.column) {
        model.units_.back() += cell.units;
      } else {
        model.columns_.push_back(cell.column);
        model.units_.push_back(cell.units);
      }
    }
    model.offsets_[i + 1] = model.columns_.size();
  }
  return model;
}

Result<TransitionModel> TransitionModel::read(const artifact::SafeTensors& counts, std::size_t items) {
  PENCHANT_TRY(popularity, counts.vector_i32("train_count"));
  PENCHANT_TRY(offsets, counts.vector_i64("transition.offsets"));
  PENCHANT_TRY(columns, counts.vector_i32("transition.items"));
  PENCHANT_TRY(weights, counts.vector_f32("transition.weights", columns.size()));
  PENCHANT_TRY(sums, counts.vector_f32("transition.row_sum", items));
  if (popularity.size() != items)
    return corrupt("train_count has " + std::to_string(popularity.size()) + " rows, the model has " +
                   std::to_string(items) + " items");
  if (offsets.size() != items + 1 || offsets.front() != 0 ||
      offsets.back() != static_cast<std::int64_t>(columns.size()))
    return corrupt("transition.offsets does not span transition.items");
  TransitionModel model(items);
  model.offsets_.assign(items + 1, 0);
  model.columns_.resize(columns.size());
  model.units_.resize(columns.size());
  constexpr double kLimit = std::numeric_limits<std::int32_t>::max();
  for (std::size_t i = 0; i < items; ++i) {
    const std::string row = "row " + std::to_string(i);
    if (popularity[i] < 0) return corrupt("train_count " + row + " is negative");
    model.popularity_[i] = popularity[i];
    const std::int64_t first = offsets[i], last = offsets[i + 1];
    if (first > last || last > static_cast<std::int64_t>(columns.size()))
      return corrupt("transition.offsets is not ascending at " + row);
    for (auto c = static_cast<std::size_t>(first); c < static_cast<std::size_t>(last); ++c) {
      if (columns[c] < 0 || static_cast<std::size_t>(columns[c]) >= items)
        return corrupt("transition.items of " + row + " names item row " + std::to_string(columns[c]));
      if (c > static_cast<std::size_t>(first) && columns[c] <= columns[c - 1])
        return corrupt("transition.items of " + row + " is not ascending");
      const double units = std::round(static_cast<double>(weights[c]) * kUnit);
      if (!(units >= 0) || units > kLimit)
        return corrupt("transition.weights of " + row + " holds an impossible count");
      model.columns_[c] = static_cast<std::uint32_t>(columns[c]);
      model.units_[c] = static_cast<std::int32_t>(units);
      model.row_units_[i] += model.units_[c];
    }
    model.offsets_[i + 1] = static_cast<std::uint64_t>(last);
    const double sum = static_cast<double>(model.row_units_[i]) / kUnit;
    if (!(std::abs(sum - static_cast<double>(sums[i])) <= 1e-3 * (1 + sum)))
      return corrupt("transition.row_sum of " + row + " is not the sum of its weights");
  }
  return model;
}

void TransitionModel::write(artifact::SafeTensorsWriter& out) const {
  std::vector<std::int64_t> offsets{0};
  std::vector<std::int32_t> columns, popularity;
  std::vector<float> weights, sums;
  for (std::uint32_t i = 0; i < items(); ++i) {
    std::map<std::uint32_t, std::int64_t> row;
    const Row base = base_row(i);
    for (std::size_t c = 0; c < base.items.size(); ++c) row[base.items[c]] += base.units[c];
    if (const auto found = changes_.find(i); found != changes_.end())
      for (const auto& [column, units] : found->second) row[column] += units;
    for (const auto& [column, units] : row) {
      if (units <= 0) continue;
      columns.push_back(static_cast<std::int32_t>(column));
      weights.push_back(static_cast<float>(static_cast<double>(units) / kUnit));
    }
    offsets.push_back(static_cast<std::int64_t>(columns.size()));
    sums.push_back(static_cast<float>(static_cast<double>(row_units_[i]) / kUnit));
    popularity.push_back(static_cast<std::int32_t>(
        std::min<std::int64_t>(popularity_[i], std::numeric_limits<std::int32_t>::max())));
  }
  out.add("train_count", std::span<const std::int32_t>(popularity));
  out.add("transition.offsets", std::span<const std::int64_t>(offsets));
  out.add("transition.items", std::span<const std::int32_t>(columns));
  out.add("transition.weights", std::span<const float>(weights));
  out.add("transition.row_sum", std::span<const float>(sums));
}

TransitionModel::Row TransitionModel::base_row(std::uint32_t item) const noexcept {
  if (item + std::size_t{1} >= offsets_.size()) return {};
  const auto first = offsets_[item], size = offsets_[item + 1] - first;
  return {std::span(columns_).subspan(first, size), std::span(units_).subspan(first, size)};
}

double TransitionModel::weight(ItemId from, ItemId to) const {
  const Row row = base_row(index(from));
  std::int64_t units = 0;
  if (const auto at = std::lower_bound(row.items.begin(), row.items.end(), index(to));
      at != row.items.end() && *at == index(to))
    units = row.units[static_cast<std::size_t>(at - row.items.begin())];
  if (const auto changed = changes_.find(index(from)); changed != changes_.end())
    if (const auto cell = changed->second.find(index(to)); cell != changed->second.end())
      units += cell->second;
  return static_cast<double>(std::max<std::int64_t>(units, 0)) / kUnit;
}

double TransitionModel::row_sum(ItemId from) const {
  return index(from) < items() ? static_cast<double>(row_units_[index(from)]) / kUnit : 0;
}

std::int64_t TransitionModel::count(ItemId item) const {
  return index(item) < items() ? popularity_[index(item)] : 0;
}

void TransitionModel::score(std::span<const ItemId> history, std::span<float> out) const {
  PENCHANT_CHECK(out.size() == items(), "scores of every item");
  std::fill(out.begin(), out.end(), 0.0F);
  const std::size_t reach = std::min(history.size(), kTransitionHistory);
  for (std::size_t age = 0; age < reach; ++age) {
    const std::uint32_t from = index(history[history.size() - 1 - age]);
    if (from >= items() || row_units_[from] <= 0) continue;
    const double scale =
        decay(age) / kUnit / std::sqrt(static_cast<double>(row_units_[from]) / kUnit);
    const Row row = base_row(from);
    for (std::size_t c = 0; c < row.items.size(); ++c)
      out[row.items[c]] += static_cast<float>(scale * row.units[c]);
    if (const auto changed = changes_.find(from); changed != changes_.end())
      for (const auto& [column, units] : changed->second)
        out[column] += static_cast<float>(scale * units);
  }
  for (std::size_t j = 0; j < out.size(); ++j) {
    if (out[j] == 0) continue;
    // What was taken back may leave a rounding rest of the float sum, never a real weight.
    if (out[j] < 1e-12F) out[j] = 0;
    else out[j] /= std::sqrt(static_cast<float>(std::max<std::int64_t>(popularity_[j], 1)));
  }
}

double TransitionModel::contribution(std::span<const ItemId> history, std::size_t position,
                                     ItemId to) const {
  const std::size_t age = history.size() - 1 - position;
  const double sum = row_sum(history[position]);
  if (age >= kTransitionHistory || sum <= 0) return 0;
  return decay(age) * weight(history[position], to) /
         (std::sqrt(sum) * std::sqrt(static_cast<double>(std::max<std::int64_t>(count(to), 1))));
}

void TransitionModel::grow(std::size_t items) {
  if (items <= popularity_.size()) return;
  popularity_.resize(items, 0);
  row_units_.resize(items, 0);
}

void TransitionModel::forget(std::span<const std::uint8_t> items) {
  const auto gone = [&](std::uint32_t item) { return item < items.size() && items[item] != 0; };
  for (std::uint32_t from = 0; from + 1 < offsets_.size(); ++from)
    for (auto at = offsets_[from]; at < offsets_[from + 1]; ++at)
      if (gone(from) || gone(columns_[at])) row_units_[from] -= std::exchange(units_[at], 0);
  for (auto& [from, row] : changes_)
    for (auto& [to, units] : row)
      if (gone(from) || gone(to)) row_units_[from] -= std::exchange(units, 0);
  for (std::uint32_t item = 0; item < popularity_.size(); ++item)
    if (gone(item)) popularity_[item] = 0;
}

void TransitionModel::add_pair(ItemId from, ItemId to, std::int32_t units) {
  row_units_[index(from)] += units;
  auto& row = changes_[index(from)];
  if (const auto cell = row.emplace(index(to), 0).first; (cell->second += units) == 0) row.erase(cell);
}

void TransitionModel::append(std::span<const ItemId> before, ItemId item) {
  grow(index(item) + std::size_t{1});
  ++popularity_[index(item)];
  for (std::size_t k = 1; k <= kTransitionReach && k <= before.size(); ++k) {
    const ItemId earlier = before[before.size() - k];
    add_pair(earlier, item, forward_units(k));
    add_pair(item, earlier, back_units(k));
  }
}

void TransitionModel::apply(std::span<const ItemId> sequence, std::int32_t sign) {
  for (const ItemId item : sequence) {
    grow(index(item) + std::size_t{1});
    popularity_[index(item)] += sign;
  }
  for_each_pair(sequence,
                [&](ItemId from, ItemId to, std::int32_t units) { add_pair(from, to, sign * units); });
}

}  // namespace penchant::retrieve
