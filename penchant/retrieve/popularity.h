#pragma once
/// \file How often and how lately items were chosen: all time, a recency window, the last time.
/// Layer 4.
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/catalog/ids.h"

namespace penchant::retrieve {

using catalog::ItemId;

/// Counts per item. The recency window is smooth: an event weighs half after `half_life_ms`, so no
/// list jumps when an event leaves a window, and one event costs O(1).
/// Threads: const calls are safe together; changes need the caller's lock.
class Popularity {
 public:
  static constexpr std::int64_t kHalfLifeMs = 14LL * 24 * 3600 * 1000;

  explicit Popularity(std::size_t items = 0, std::int64_t half_life_ms = kHalfLifeMs)
      : counts_(items, 0), recent_(items, 0), last_seen_ms_(items, 0), half_life_ms_(half_life_ms) {}

  void grow(std::size_t items);
  void add(ItemId item, std::int64_t time_ms);
  /// Takes an event back. The last time stays: set_last_seen() after looking at what is left.
  void remove(ItemId item, std::int64_t time_ms);

  [[nodiscard]] std::size_t items() const noexcept { return counts_.size(); }
  [[nodiscard]] std::int64_t count(ItemId item) const;
  [[nodiscard]] std::int64_t total() const noexcept { return total_; }
  /// Events of the window, up to one factor that is the same for all items.
  [[nodiscard]] double recent(ItemId item) const;
  [[nodiscard]] std::int64_t last_seen_ms(ItemId item) const;  ///< 0 = never
  [[nodiscard]] std::span<const std::int64_t> last_seen_ms() const noexcept { return last_seen_ms_; }  ///< [items]
  void set_last_seen(ItemId item, std::int64_t time_ms) { last_seen_ms_[index(item)] = time_ms; }
  /// log1p(count) of every item. \param out [items]
  void all_time(std::span<float> out) const;
  /// log1p(recent events, counted from the newest event of all). \param out [items]
  void window(std::span<float> out) const;

 private:
  [[nodiscard]] double weight(std::int64_t time_ms);
  std::vector<std::int64_t> counts_;
  std::vector<double> recent_;       ///< weights relative to `reference_ms_`
  std::vector<std::int64_t> last_seen_ms_;
  std::int64_t half_life_ms_, reference_ms_ = 0, newest_ms_ = 0, total_ = 0;
};

}  // namespace penchant::retrieve
