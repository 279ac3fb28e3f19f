#include "penchant/learn/event_reader.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <unordered_set>

#include "penchant/base/rng.h"
#include "penchant/catalog/cold_items.h"
#include "penchant/store/time_kind.h"

namespace penchant::learn {
namespace {

constexpr std::size_t kMaxValueRows = 8;                   ///< action rows per event type
constexpr std::size_t kMaxSampleUsers = 2000;
constexpr double kRareRepeats = 0.05;
constexpr double kLowest = std::numeric_limits<double>::lowest(), kHighest = std::numeric_limits<double>::max();

std::int64_t quantile_of_times(const EventTable& table, double q) {
  std::vector<std::int64_t> times;
  times.reserve(table.events.size());
  for (const LoggedEvent& e : table.events) times.push_back(e.time_ms);
  const auto at = std::min(times.size() - 1, static_cast<std::size_t>(q * static_cast<double>(times.size())));
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(at), times.end());
  return times[at];
}

void cut_last_out(const EventTable& table, Cut& cut) {
  for (std::size_t u = 0; u < table.users(); ++u) {
    const std::uint64_t begin = table.offsets[u], end = table.offsets[u + 1];
    if (end - begin < 3) continue;
    cut.training_end[u] = end - 2;
    cut.validation_events.push_back(end - 2);
  }
}

/// Validation events lie in [validation cut, test cut): what comes later is for the test alone.
Status cut_by_time(const EventTable& table, double quantile, double test_quantile, Cut& cut) {
  if (!table.has_clock)
    return invalid("the events carry positions, not times, so no global time cut is possible: use --holdout last-out");
  cut.time_ms = quantile_of_times(table, quantile);
  const std::int64_t test_ms = cut.test_ms = quantile_of_times(table, test_quantile);
  for (std::size_t u = 0; u < table.users(); ++u) {
    const auto begin = table.events.begin() + static_cast<std::ptrdiff_t>(table.offsets[u]);
    const auto end = table.events.begin() + static_cast<std::ptrdiff_t>(table.offsets[u + 1]);
    const auto at = std::lower_bound(begin, end, cut.time_ms,
                                     [](const LoggedEvent& e, std::int64_t t) { return e.time_ms < t; });
    cut.training_end[u] = static_cast<std::uint64_t>(at - table.events.begin());
    if (at != begin && at != end && at->time_ms < test_ms) cut.validation_events.push_back(cut.training_end[u]);
  }
  return {};
}

void sample_last_events(const EventTable& table, std::uint64_t seed, Cut& cut) {
  std::vector<std::uint32_t> users;
  for (std::size_t u = 0; u < table.users(); ++u)
    if (table.offsets[u + 1] - table.offsets[u] >= 3) users.push_back(static_cast<std::uint32_t>(u));
  Rng rng(seed);
  rng.shuffle(std::span(users));
  users.resize(std::min({users.size(), users.size() / 10 + 1, kMaxSampleUsers}));
  std::ranges::sort(users);
  for (const std::uint32_t u : users) {
    cut.training_end[u] = table.offsets[u + 1] - 1;
    cut.validation_events.push_back(cut.training_end[u]);
  }
}

/// As last-out, without anything of the cold items; a user whose history is gone is not asked.
Status cut_cold(const EventTable& table, const DatasetOptions& options, std::span<const std::string> ids, Cut& cut) {
  if (!(options.cold_share > 0 && options.cold_share <= 0.5))
    return invalid("the share of cold items must lie above 0 and be at most 0.5");
  std::vector<double> first(ids.size(), catalog::kNoColdKey);
  for (const LoggedEvent& e : table.events) {
    if (e.item >= ids.size()) return invalid("an event names item row " + std::to_string(e.item) + ", which has no id");
    first[e.item] = std::fmin(first[e.item], static_cast<double>(e.time_ms));
  }
  switch (options.cold_by.kind) {
    case catalog::ColdBy::Kind::random: cut.held_out = catalog::draw_cold_items(ids, options.cold_share, options.cold_seed); break;
    case catalog::ColdBy::Kind::attribute: cut.held_out = catalog::newest_items(table.cold_keys, options.cold_share); break;
    case catalog::ColdBy::Kind::first_seen:
      if (!table.has_clock)
        return invalid("the events carry positions, not times, so no item is the newest: use --cold-by random, or an attribute such as year");
      cut.held_out = catalog::newest_items(first, options.cold_share);
  }
  cut_last_out(table, cut);
  std::erase_if(cut.validation_events, [&](std::uint64_t e) {
    const auto u = static_cast<std::size_t>(std::ranges::upper_bound(table.offsets, e) - table.offsets.begin() - 1);
    bool history = false;
    for (std::uint64_t h = table.offsets[u]; h < e; ++h) history |= cut.learns(table.events[h]);
    return !history || !cut.learns(table.events[e]);
  });
  return {};
}

/// Calls visit(event) for all training events in order.
template <class Visit>
void each_training_event(const EventTable& table, const Cut& cut, Visit&& visit) {
  for (std::size_t u = 0; u < table.users(); ++u)
    for (std::uint64_t e = table.offsets[u]; e < cut.training_end[u]; ++e)
      if (cut.learns(table.events[e])) visit(table.events[e]);
}

std::string type_name(const std::vector<store::EventType>& types, std::uint16_t type) {
  return type < types.size() ? types[type].name : "unknown";
}

/// Lower ends of the value ranges: midpoints between distinct values, or quantiles where many.
std::vector<double> range_ends(std::vector<double> values) {
  std::ranges::sort(values);
  std::vector<double> distinct = values;
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  std::vector<double> ends{kLowest};
  if (distinct.size() <= kMaxValueRows) {
    for (std::size_t i = 1; i < distinct.size(); ++i) ends.push_back(distinct[i - 1] / 2 + distinct[i] / 2);
  } else {
    for (std::size_t k = 1; k < kMaxValueRows; ++k) ends.push_back(values[k * values.size() / kMaxValueRows]);
  }
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
  return ends;
}

}  // namespace

Result<EventTable> read_events(store::Store& store, std::uint32_t items) {
  PENCHANT_TRY(types, store.event_types());
  PENCHANT_TRY(kind, store::time_kind(store));
  EventTable table;
  table.has_clock = kind == store::TimeKind::epoch;
  std::optional<catalog::UserId> user;
  std::optional<Error> error;
  PENCHANT_DO(store.scan_events_by_user([&](const store::StoredEvent& e) {
    if (e.type < types.size() && types[e.type].weight <= 0) return true;
    if (catalog::index(e.item) >= items) {
      error = Error{ErrorCode::corrupt, "event " + std::to_string(e.seq) + " names item row " +
                                            std::to_string(catalog::index(e.item)) + ", the store holds " +
                                            std::to_string(items)};
      return false;
    }
    if (user && *user != e.user) table.offsets.push_back(table.events.size());
    user = e.user;
    table.events.push_back({catalog::index(e.item), e.type, e.value, e.time_ms});
    return true;
  }));
  if (error) return std::move(*error);
  if (!table.events.empty()) table.offsets.push_back(table.events.size());
  return table;
}

Result<Cut> hold_out(const EventTable& table, const DatasetOptions& options, std::span<const std::string> item_ids) {
  if (table.events.empty()) return invalid("there are no events to learn from: import some with `penchant import`");
  Cut cut;
  cut.training_end.assign(table.offsets.begin() + 1, table.offsets.end());
  if (options.holdout == Holdout::last_out) cut_last_out(table, cut);
  if (options.holdout == Holdout::cold) PENCHANT_DO(cut_cold(table, options, item_ids, cut));
  if (options.holdout == Holdout::none) sample_last_events(table, options.seed, cut);
  if (options.holdout == Holdout::time) {
    const double q = options.validation_quantile;
    const double t = options.test_quantile;
    if (!(q > 0 && q < t && t < 1)) return invalid("the quantiles of the time cuts must lie between 0 and 1, in order");
    PENCHANT_DO(cut_by_time(table, q, t, cut));
  }
  bool any = false;
  for (std::size_t u = 0; u < table.users(); ++u) {
    std::size_t left = 0;
    for (std::uint64_t e = table.offsets[u]; e < cut.training_end[u]; ++e) left += cut.learns(table.events[e]) ? 1 : 0;
    any |= left >= 2;
  }
  if (!any) return invalid("after holding out, no user has two events left to learn from: import more events");
  return cut;
}

std::vector<artifact::ActionRow> make_actions(const EventTable& table, const Cut& cut,
                                              const std::vector<store::EventType>& types) {
  std::map<std::uint16_t, std::vector<double>> values;
  each_training_event(table, cut, [&](const LoggedEvent& e) {
    auto& of_type = values[e.type];
    if (std::isfinite(e.value)) of_type.push_back(e.value);
  });
  std::vector<artifact::ActionRow> rows{{.type = "unknown"}};
  for (auto& [type, of_type] : values) {
    const std::string name = type_name(types, type);
    rows.push_back({.type = name});
    if (of_type.empty()) continue;
    const auto ends = range_ends(std::move(of_type));
    for (std::size_t i = 0; i < ends.size(); ++i)
      rows.push_back({.type = name, .from = ends[i], .to = i + 1 < ends.size() ? ends[i + 1] : kHighest, .has_value = true});
  }
  return rows;
}

std::uint16_t action_of(const std::vector<artifact::ActionRow>& actions, const std::string& type, double value) noexcept {
  std::size_t plain = 0;
  for (std::size_t r = 1; r < actions.size(); ++r) {
    if (actions[r].type != type) continue;
    if (actions[r].has_value && value >= actions[r].from && value < actions[r].to) return static_cast<std::uint16_t>(r);
    if (!actions[r].has_value && plain == 0) plain = r;
  }
  return static_cast<std::uint16_t>(plain);
}

std::vector<float> action_strengths(const EventTable& table, const Cut& cut, const std::vector<store::EventType>& types,
                                    const std::vector<artifact::ActionRow>& actions) {
  constexpr double kMost = 4;
  struct Mean {
    double sum = 0, count = 0;
    bool positive = true;
    [[nodiscard]] double value() const { return count > 0 ? sum / count : 0; }
    void add(double v) { sum += v, ++count, positive &= v > 0; }
  };
  std::map<std::uint16_t, Mean> of_type;
  std::vector<Mean> of_row(actions.size());
  std::vector<std::uint16_t> type_of(actions.size(), 0);
  each_training_event(table, cut, [&](const LoggedEvent& e) {
    const std::uint16_t row = action_of(actions, type_name(types, e.type), e.value);
    type_of[row] = e.type;
    if (!std::isfinite(e.value)) return;
    of_type[e.type].add(e.value);
    of_row[row].add(e.value);
  });
  std::vector<float> strengths(actions.size(), 1);
  for (std::size_t r = 1; r < actions.size(); ++r) {
    const auto type = std::ranges::find(types, actions[r].type, &store::EventType::name);
    double strength = type == types.end() ? 1 : type->weight;
    const Mean& whole = of_type[type_of[r]];
    if (actions[r].has_value && of_row[r].count > 0 && whole.positive)
      strength *= std::clamp(of_row[r].value() / whole.value(), 1 / kMost, kMost);
    strengths[r] = static_cast<float>(strength);
  }
  return strengths;
}

void fill_histories(const EventTable& table, const Cut& cut, const std::vector<store::EventType>& types,
                    TrainingData& data) {
  data.actions = make_actions(table, cut, types);
  data.has_clock = table.has_clock;
  data.strengths = action_strengths(table, cut, types, data.actions);
  Histories& h = data.train;
  std::uint64_t repeats = 0, chances = 0;
  std::unordered_set<std::uint32_t> seen;
  for (std::size_t u = 0; u < table.users(); ++u) {
    seen.clear();
    for (std::uint64_t e = table.offsets[u]; e < cut.training_end[u]; ++e) {
      const LoggedEvent& event = table.events[e];
      if (!cut.learns(event)) continue;
      h.items.push_back(event.item);
      h.actions.push_back(action_of(data.actions, type_name(types, event.type), event.value));
      h.times_ms.push_back(event.time_ms);
      h.is_target.push_back(1);
      chances += !seen.empty();
      repeats += !seen.insert(event.item).second;
    }
    h.offsets.push_back(h.items.size());
  }
  data.removes_seen = chances == 0 || static_cast<double>(repeats) / static_cast<double>(chances) < kRareRepeats;
  for (const std::uint64_t e : cut.validation_events) {
    const auto u = std::ranges::upper_bound(table.offsets, e) - table.offsets.begin() - 1;
    data.validation.push_back({static_cast<std::uint32_t>(u), table.events[e].item, table.events[e].time_ms});
  }
  count_events(data);
}

}  // namespace penchant::learn
