#include "penchant/retrieve/popularity.h"

#include <algorithm>
#include <cmath>

#include "penchant/base/result.h"

namespace penchant::retrieve {

void Popularity::grow(std::size_t items) {
  if (items <= counts_.size()) return;
  counts_.resize(items, 0);
  recent_.resize(items, 0);
  last_seen_ms_.resize(items, 0);
}

double Popularity::weight(std::int64_t time_ms) {
  const double halves =
      (static_cast<double>(time_ms) - static_cast<double>(reference_ms_)) / static_cast<double>(half_life_ms_);
  if (halves > 100) {  // move the reference forward before the numbers grow out of range
    const double shrink = std::exp2(-std::min(halves, 1000.0));
    for (double& value : recent_) value *= shrink;
    reference_ms_ = time_ms;
    return 1;
  }
  return halves < -1000 ? 0 : std::exp2(halves);
}

void Popularity::add(ItemId item, std::int64_t time_ms) {
  grow(index(item) + std::size_t{1});
  if (total_ == 0) reference_ms_ = time_ms;
  ++counts_[index(item)];
  ++total_;
  recent_[index(item)] += weight(time_ms);
  newest_ms_ = total_ == 1 ? time_ms : std::max(newest_ms_, time_ms);
  auto& last = last_seen_ms_[index(item)];
  last = std::max(last, time_ms);
}

void Popularity::remove(ItemId item, std::int64_t time_ms) {
  if (index(item) >= items() || counts_[index(item)] == 0) return;
  --total_;
  if (--counts_[index(item)] == 0) recent_[index(item)] = 0;
  else recent_[index(item)] = std::max(0.0, recent_[index(item)] - weight(time_ms));
}

std::int64_t Popularity::count(ItemId item) const {
  return index(item) < items() ? counts_[index(item)] : 0;
}

double Popularity::recent(ItemId item) const {
  return index(item) < items() ? recent_[index(item)] : 0;
}

std::int64_t Popularity::last_seen_ms(ItemId item) const {
  return index(item) < items() ? last_seen_ms_[index(item)] : 0;
}

void Popularity::all_time(std::span<float> out) const {
  PENCHANT_CHECK(out.size() == items(), "scores of every item");
  for (std::size_t i = 0; i < items(); ++i)
    out[i] = std::log1p(static_cast<float>(counts_[i]));
}

void Popularity::window(std::span<float> out) const {
  PENCHANT_CHECK(out.size() == items(), "scores of every item");
  const double halves = (static_cast<double>(reference_ms_) - static_cast<double>(newest_ms_)) /
                        static_cast<double>(half_life_ms_);
  const double scale = std::exp2(std::clamp(halves, -1000.0, 1000.0));
  for (std::size_t i = 0; i < items(); ++i)
    out[i] = static_cast<float>(std::log1p(recent_[i] * scale));
}

}  // namespace penchant::retrieve
