#pragma once
/// \file Items as answers show them, kept in memory. Layer 6.
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "penchant/catalog/item.h"
#include "penchant/store/store.h"

namespace penchant::service {

/// At most 65,536 items without their vectors, and the ids of all rows that were asked for.
/// Threads: all calls are safe from any thread.
class ItemCache {
 public:
  /// The item as stored, without vectors. \return not_found, or what the store says
  Result<std::shared_ptr<const catalog::Item>> get(store::Store& store, const std::string& id);
  /// The id of a row. \return not_found when the store has no such row
  Result<std::string> id_of(store::Store& store, catalog::ItemId row);
  /// To be called after an item was written, and after anything else wrote to the store.
  void forget(const std::string& id);
  void clear();

 private:
  std::mutex mutex_;  // guards everything below
  std::uint64_t generation_ = 0;  // grows with every forget: a value read before it is not kept
  std::unordered_map<std::string, std::shared_ptr<const catalog::Item>> items_;
  std::vector<std::string> ids_;  // by row; rows are never renumbered, so these stay true
};

}  // namespace penchant::service
