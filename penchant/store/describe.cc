#include "penchant/store/describe.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace penchant::store {
namespace {

void bump(std::vector<std::uint64_t>& counts, std::uint32_t row) {
  if (row >= counts.size()) counts.resize(row + 1, 0);
  ++counts[row];
}

/// Reads events in order of user and counts what repeats inside one.
class EventFigures {
 public:
  EventFigures(Description& out, std::vector<TypeCount>& types) : out_(out), types_(types) {}

  void add(const StoredEvent& event) {
    if (!any_ || event.user != user_) {
      close_user();
      user_ = event.user;
      any_ = true;
    } else {
      same_time_ += event.time_ms == last_ms_ ? 1 : 0;
    }
    last_ms_ = event.time_ms;
    items_.push_back(index(event.item));
    bump(per_user_, index(event.user));
    bump(per_item_, index(event.item));
    ++events_;
    if (event.type >= types_.size()) return;
    TypeCount& type = types_[event.type];
    ++type.events;
    if (!std::isnan(event.value)) {
      ++type.with_value;
      type.mean_value += event.value;
    }
  }

  void finish() {
    close_user();
    for (auto& type : types_)
      if (type.with_value > 0) type.mean_value /= static_cast<double>(type.with_value);
    out_.per_user = spread_of(std::move(per_user_));
    out_.per_item = spread_of(std::move(per_item_));
    out_.users_with_events = out_.per_user.n;
    out_.items_with_events = out_.per_item.n;
    if (events_ == 0) return;
    out_.repeated_share = static_cast<double>(events_ - out_.pairs) / static_cast<double>(events_);
    out_.same_time_share = static_cast<double>(same_time_) / static_cast<double>(events_);
  }

 private:
  void close_user() {
    std::sort(items_.begin(), items_.end());
    out_.pairs += static_cast<std::uint64_t>(std::unique(items_.begin(), items_.end()) - items_.begin());
    items_.clear();
  }

  Description& out_;
  std::vector<TypeCount>& types_;
  std::vector<std::uint64_t> per_user_, per_item_;
  std::vector<std::uint32_t> items_;  ///< of the user being read
  UserId user_{};
  std::int64_t last_ms_ = 0;
  std::uint64_t events_ = 0, same_time_ = 0;
  bool any_ = false;
};

}  // namespace

Spread spread_of(std::vector<std::uint64_t> counts) {
  std::erase(counts, 0);
  Spread out;
  out.n = counts.size();
  if (counts.empty()) return out;
  std::sort(counts.begin(), counts.end());
  const auto quantile = [&](double p) {
    const auto rank = static_cast<std::size_t>(std::ceil(p * static_cast<double>(counts.size())));
    return static_cast<double>(counts[std::clamp<std::size_t>(rank, 1, counts.size()) - 1]);
  };
  double sum = 0;
  for (const auto n : counts) sum += static_cast<double>(n);
  out.min = quantile(0);
  out.p25 = quantile(0.25);
  out.median = quantile(0.5);
  out.p75 = quantile(0.75);
  out.p90 = quantile(0.9);
  out.p99 = quantile(0.99);
  out.max = quantile(1);
  out.mean = sum / static_cast<double>(counts.size());
  return out;
}

Result<Description> describe(Store& store) {
  Description out;
  PENCHANT_TRY(counts, store.counts());
  PENCHANT_TRY(kind, time_kind(store));
  PENCHANT_TRY(types, store.event_types());
  out.counts = counts;
  out.time_kind = kind;
  for (const auto& type : types) out.types.push_back({type.name, type.weight});
  catalog::SchemaBuilder items, users;
  std::map<std::string, Description::Modality> modalities;
  PENCHANT_DO(store.scan_items(
      [&](ItemId, Item&& item) {
        out.available_items += item.available ? 1 : 0;
        out.items_with_title += item.title.empty() ? 0 : 1;
        items.add(item.attributes);
        for (const auto& vector : item.vectors) {
          auto& modality = modalities[vector.modality];
          ++modality.items;
          modality.dim = vector.values.size();
        }
        return true;
      },
      true));
  PENCHANT_DO(store.scan_users([&](UserId, User&& user) {
    users.add(user.attributes);
    return true;
  }));
  EventFigures figures(out, out.types);
  PENCHANT_DO(store.scan_events_by_user([&](const StoredEvent& event) {
    figures.add(event);
    return true;
  }));
  figures.finish();
  for (auto& [name, modality] : modalities) {
    modality.name = name;
    out.modalities.push_back(std::move(modality));
  }
  out.item_attributes = items.finish();
  out.user_attributes = users.finish();
  return out;
}

}  // namespace penchant::store
