#include "penchant/recommend/world.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

namespace penchant::recommend {
namespace {

constexpr std::size_t kMaxFacetBytes = 80;    ///< longer texts are prose, not facets
constexpr std::size_t kMaxFacetsPerItem = 64;

std::size_t repeats_in(std::span<const HistoryEntry> history) {
  std::unordered_set<std::uint32_t> distinct;
  for (const HistoryEntry& entry : history) distinct.insert(index(entry.item));
  return history.size() - distinct.size();
}

std::vector<ItemId> items_of(std::span<const HistoryEntry> history) {
  std::vector<ItemId> items;
  items.reserve(history.size());
  for (const HistoryEntry& entry : history) items.push_back(entry.item);
  return items;
}

Bitmap grown(const Bitmap& old, std::size_t size) {
  Bitmap out(size);
  for (std::size_t i = 0; i < old.size() && i < size; ++i)
    if (old.test(i)) out.set(i);
  return out;
}

}  // namespace

World::World() = default;

FacetId World::facet(const std::string& attribute, const std::string& value) {
  const auto [at, added] = facet_of_.try_emplace({attribute, value}, static_cast<FacetId>(facets.size()));
  if (added) facets.push_back({attribute, value});
  return at->second;
}

Status World::put_item(ItemId row, const catalog::Item& item) {
  const std::size_t r = index(row);
  PENCHANT_CHECK(r <= items(), "item rows come in order");
  if (r == items()) {
    PENCHANT_DO(attributes.append(row, item));
    ids.push_back(item.id);
    titles.emplace_back();
    facets_of.emplace_back();
    if (available.size() <= r) available = grown(available, std::max<std::size_t>(64, (r + 1) * 2));
    transitions.grow(r + 1);
    popularity.grow(r + 1);
    row_of_[item.id] = row;
  } else {
    PENCHANT_DO(attributes.replace(row, item));
  }
  titles[r] = item.title;
  names.put(row, semantic_id::naming_features(item));
  auto& facet_list = facets_of[r];
  facet_list.clear();
  const auto add = [&](const std::string& name, const std::string& value) {
    const bool number = value.find_first_not_of("0123456789.,-") == std::string::npos;  // a year says little
    if (!number && value.size() <= kMaxFacetBytes && facet_list.size() < kMaxFacetsPerItem)
      facet_list.push_back(facet(name, value));
  };
  for (const auto& [name, value] : item.attributes) {
    if (const auto* text = std::get_if<std::string>(&value)) add(name, *text);
    if (const auto* list = std::get_if<std::vector<std::string>>(&value))
      for (const auto& element : *list) add(name, element);
  }
  std::sort(facet_list.begin(), facet_list.end());
  facet_list.erase(std::unique(facet_list.begin(), facet_list.end()), facet_list.end());
  if (item.available) {
    available.set(r);
    return lexical->put(row, item);
  }
  available.reset(r);
  return lexical->remove(row);
}

void World::set_available(ItemId row, bool is_available) {
  if (is_available) available.set(index(row));
  else available.reset(index(row));
}

std::optional<ItemId> World::find_item(std::string_view id) const {
  const auto found = row_of_.find(std::string(id));
  return found == row_of_.end() ? std::nullopt : std::optional(found->second);
}

void World::put_user(UserId row, std::string id, catalog::Attributes user_attributes) {
  if (people.size() <= index(row)) people.resize(index(row) + std::size_t{1});
  Person& person = people[index(row)];
  person_of_[id] = row;
  person.id = std::move(id);
  person.attributes = std::move(user_attributes);
}

const Person* World::find_user(std::string_view id, UserId* row) const {
  const auto found = person_of_.find(std::string(id));
  if (found == person_of_.end()) return nullptr;
  if (row != nullptr) *row = found->second;
  return &people[index(found->second)];
}

void World::forget_user(UserId row) {
  Person& person = people[index(row)];
  const auto items = items_of(person.history);
  transitions.remove_sequence(items);
  for (const HistoryEntry& entry : person.history) popularity.remove(entry.item, entry.time_ms);
  events_ -= person.history.size();
  repeats_ -= repeats_in(person.history);
  person_of_.erase(person.id);
  const std::uint32_t version = person.version + 1;
  std::unordered_map<std::uint32_t, std::int64_t> last;  ///< of items whose newest event was theirs
  for (const HistoryEntry& entry : person.history)
    if (entry.time_ms == popularity.last_seen_ms(entry.item)) last[index(entry.item)] = 0;
  person = {};
  person.version = version;
  for (const Person& other : people)
    for (const HistoryEntry& entry : other.history)
      if (const auto found = last.find(index(entry.item)); found != last.end())
        found->second = std::max(found->second, entry.time_ms);
  for (const auto& [item, time_ms] : last) popularity.set_last_seen(ItemId{item}, time_ms);
}

void World::load_event(const store::StoredEvent& event) {
  last_seq = std::max(last_seq, event.seq);
  if (index(event.item) >= items()) return;  // the row of a foreign or torn file: nothing to show for it
  if (people.size() <= index(event.user)) people.resize(index(event.user) + std::size_t{1});
  Person& person = people[index(event.user)];
  const double weight = event.type < types.size() ? types[event.type].weight : 1;
  if (!std::isnan(event.value)) {
    auto [at, added] = highest_value.try_emplace(event.type, event.value);
    if (!added) at->second = std::max(at->second, event.value);
  }
  if (weight < 0) person.disliked.push_back(event.item);
  if (weight <= 0) return;
  person.history.push_back({event.item, event.type, event.seq, event.value, event.time_ms});
  popularity.add(event.item, event.time_ms);
}

void World::finish_loading() {
  std::vector<std::uint32_t> rows;
  std::vector<std::uint64_t> offsets{0};
  for (const Person& person : people) {
    for (const HistoryEntry& entry : person.history) rows.push_back(index(entry.item));
    offsets.push_back(rows.size());
    repeats_ += repeats_in(person.history);
  }
  events_ = rows.size();
  transitions = retrieve::TransitionModel::build({rows, offsets}, items());
}

void World::add_event(const store::StoredEvent& event) {
  Person& person = people[index(event.user)];
  const std::size_t before = person.history.size();
  const bool in_order = before == 0 || person.history.back().time_ms <= event.time_ms;
  const auto earlier = items_of(std::span(person.history).subspan(in_order && before > 3 ? before - 3 : 0));
  const bool repeated = std::any_of(person.history.begin(), person.history.end(),
                                    [&](const HistoryEntry& entry) { return entry.item == event.item; });
  load_event(event);
  if (person.history.size() == before) return;  // kept, not learned from
  ++events_;
  if (repeated) ++repeats_;
  if (in_order) {
    transitions.append(earlier, event.item);
    return;
  }
  // An event of the past: its place is by time, and what follows what is counted anew.
  transitions.remove_sequence(earlier);
  std::stable_sort(person.history.begin(), person.history.end(), [](const HistoryEntry& a, const HistoryEntry& b) {
    return a.time_ms != b.time_ms ? a.time_ms < b.time_ms : a.seq < b.seq;
  });
  transitions.add_sequence(items_of(person.history));
  ++person.version;
}

double World::repeat_share() const noexcept {
  return events_ == 0 ? 0 : static_cast<double>(repeats_) / static_cast<double>(events_);
}

std::string_view World::type_name(std::uint16_t type) const {
  return type < types.size() ? std::string_view(types[type].name) : std::string_view();
}

Status World::adopt(LoadedRelease release, Paths made) {
  const std::string& name = release.model->manifest.name;
  if (release.ids.size() > items())
    return invalid("release " + name + " knows " + std::to_string(release.ids.size()) + " items, this catalogue has " +
                   std::to_string(items()) + ": it was trained on another catalogue; train a new release");
  for (std::size_t i = 0; i < release.ids.size(); ++i)
    if (release.ids[i] != ids[i])
      return invalid("release " + name + " was trained on another catalogue: row " + std::to_string(i) + " is '" +
                     release.ids[i].substr(0, 60) + "' there and '" + ids[i].substr(0, 60) + "' here; train a new release");
  model = std::move(release.model);
  tables = std::move(release.tables);
  median = median_item(count_views(), tables.untrained);
  for (std::size_t row = tables.rows(); row < items(); ++row) set_blank_item(*model, tables, row);
  paths = std::move(made);
  return {};
}

Status World::place_item(ItemId row, std::span<const std::span<const float>> modalities) {
  const bool blank = std::all_of(modalities.begin(), modalities.end(), [](const auto& m) { return m.empty(); });
  if (blank) {
    set_blank_item(*model, tables, index(row));
    return {};
  }
  PENCHANT_TRY(placement, semantic_id::place_new_item(*model->codebooks, paths.trie, concatenate(*model, modalities)));
  PENCHANT_DO(set_new_item(*model, tables, index(row), modalities, placement.id.codes));
  placed_.push_back(index(row));
  return {};
}

void World::refresh_content(ItemId row, std::span<const std::span<const float>> modalities) {
  set_content(*model, tables, index(row), modalities);
}

Status World::settle_items(Executor& executor) {
  std::ranges::sort(placed_);
  placed_.erase(std::unique(placed_.begin(), placed_.end()), placed_.end());
  tables.lenders.find(tables.content, tables.untrained, placed_);
  borrow_ids(tables, placed_);
  placed_.clear();
  PENCHANT_TRY(made, make_paths(*model, tables, executor, &paths));
  paths = std::move(made);
  return {};
}

}  // namespace penchant::recommend
