#include "penchant/evaluate/event_log.h"

#include <unordered_set>

#include "penchant/catalog/ties.h"
#include "penchant/store/time_kind.h"

namespace penchant::evaluate {

Result<EventLog> load_events(store::Store& store, const catalog::ColdBy& cold_by) {
  EventLog log;
  const bool keyed = cold_by.kind == catalog::ColdBy::Kind::attribute;
  PENCHANT_DO(store.scan_items(
      [&](catalog::ItemId id, catalog::Item&& item) {
        log.item_ids.resize(std::max<std::size_t>(log.item_ids.size(), index(id) + 1));
        if (keyed) {
          log.cold_keys.resize(log.item_ids.size(), catalog::kNoColdKey);
          log.cold_keys[index(id)] = catalog::cold_key(item, cold_by.attribute);
        }
        log.item_ids[index(id)] = std::move(item.id);
        return true;
      },
      /*with_vectors=*/false));
  if (keyed) PENCHANT_DO(catalog::check_cold_keys(log.cold_keys, cold_by));
  PENCHANT_DO(store.scan_users([&](catalog::UserId id, catalog::User&& user) {
    log.user_ids.resize(std::max<std::size_t>(log.user_ids.size(), index(id) + 1));
    log.user_ids[index(id)] = std::move(user.id);
    return true;
  }));
  PENCHANT_TRY(kind, store::time_kind(store));
  log.world_times = kind == store::TimeKind::epoch;
  PENCHANT_TRY(types, store.event_types());
  std::vector<bool> learned;
  for (auto& type : types) {
    learned.push_back(type.weight > 0);
    log.types.push_back(std::move(type.name));
  }

  // The scan comes in user order; users without events get an empty row.
  log.offsets.assign(log.user_ids.size() + 1, 0);
  std::string wrong;
  std::size_t last_user = 0;
  PENCHANT_DO(store.scan_events_by_user([&](const store::StoredEvent& event) {
    const std::size_t user = index(event.user), item = index(event.item);
    if (user >= log.users() || item >= log.items() || event.type >= log.types.size() || user < last_user) {
      wrong = "event " + std::to_string(event.seq) +
              " names a user, item or type that the store does not hold, or is out of order";
      return false;
    }
    last_user = user;
    if (!learned[event.type]) return true;
    log.events.push_back({static_cast<std::uint32_t>(item), event.type, event.value, event.time_ms});
    ++log.offsets[user + 1];
    return true;
  }));
  if (!wrong.empty()) return Error{ErrorCode::corrupt, wrong + "; run `penchant validate`"};
  for (std::size_t u = 0; u < log.users(); ++u) log.offsets[u + 1] += log.offsets[u];
  return log;
}

void shuffle_ties(EventLog& log, std::uint64_t seed) {
  catalog::shuffle_ties(std::span<const std::size_t>(log.offsets), std::span(log.events), seed);
}

Repeats count_repeats(std::span<const std::span<const Interaction>> sequences) {
  Repeats repeats;
  std::unordered_set<std::uint32_t> known;
  for (const auto sequence : sequences) {
    known.clear();
    for (const Interaction& event : sequence) {
      if (!known.empty()) {
        ++repeats.events;
        repeats.repeated += known.contains(event.item) ? 1 : 0;
      }
      known.insert(event.item);
    }
  }
  return repeats;
}

}  // namespace penchant::evaluate
