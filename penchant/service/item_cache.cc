#include "penchant/service/item_cache.h"

namespace penchant::service {

namespace {
constexpr std::size_t kMaxItems = 65'536;
}

Result<std::shared_ptr<const catalog::Item>> ItemCache::get(store::Store& store, const std::string& id) {
  std::uint64_t generation = 0;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = items_.find(id); found != items_.end()) return found->second;
    generation = generation_;
  }
  PENCHANT_TRY(item, store.get_item(id));
  item.vectors.clear();
  auto shared = std::make_shared<const catalog::Item>(std::move(item));
  const std::lock_guard lock(mutex_);
  if (generation == generation_) {
    if (items_.size() >= kMaxItems) items_.erase(items_.begin());
    items_.insert_or_assign(id, shared);
  }
  return shared;
}

Result<std::string> ItemCache::id_of(store::Store& store, catalog::ItemId row) {
  const std::size_t wanted = index(row);
  {
    const std::lock_guard lock(mutex_);
    if (wanted < ids_.size()) return ids_[wanted];
  }
  std::vector<std::string> ids;
  PENCHANT_DO(store.scan_items([&](catalog::ItemId at, catalog::Item&& item) {
    if (ids.size() <= index(at)) ids.resize(index(at) + 1);
    ids[index(at)] = std::move(item.id);
    return true;
  }, false));
  const std::lock_guard lock(mutex_);
  if (ids.size() > ids_.size()) ids_ = std::move(ids);
  if (wanted < ids_.size()) return ids_[wanted];
  return Error{ErrorCode::not_found, "no item in row " + std::to_string(wanted)};
}

void ItemCache::forget(const std::string& id) {
  const std::lock_guard lock(mutex_);
  ++generation_;
  items_.erase(id);
}

void ItemCache::clear() {
  const std::lock_guard lock(mutex_);
  ++generation_;
  items_.clear();
}

}  // namespace penchant::service
