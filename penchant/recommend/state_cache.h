#pragma once
/// \file User states kept warm between requests: new events are appended, not recomputed. Layer 5.
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "penchant/catalog/ids.h"
#include "penchant/nn/sequence_model.h"

namespace penchant::recommend {

/// State after events [begin, begin + state.length) of a person's history at one version of it.
struct WarmState {
  nn::UserState state;
  std::size_t begin = 0;
  std::uint32_t version = 0;
};

/// Least recently used states, bounded by bytes. Threads: all calls are safe from any thread.
class StateCache {
 public:
  explicit StateCache(std::size_t max_bytes = 64U << 20) : max_bytes_(max_bytes) {}
  /// Null when there is none.
  [[nodiscard]] std::shared_ptr<const WarmState> find(catalog::UserId user);
  void put(catalog::UserId user, std::shared_ptr<const WarmState> state);
  void erase(catalog::UserId user);
  void clear();
  [[nodiscard]] std::size_t bytes() const;

 private:
  struct Entry {
    catalog::UserId user;
    std::shared_ptr<const WarmState> state;
    std::size_t bytes;
  };
  void erase_locked(catalog::UserId user);
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  ///< newest first
  std::unordered_map<std::uint32_t, std::list<Entry>::iterator> where_;
  std::size_t bytes_ = 0, max_bytes_;
};

}  // namespace penchant::recommend
