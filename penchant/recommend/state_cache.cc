#include "penchant/recommend/state_cache.h"

namespace penchant::recommend {
namespace {

std::size_t bytes_of(const nn::UserState& state) {
  std::size_t floats = state.hidden.size() + state.residual.size();
  for (const auto& layer : state.keys) floats += layer.size();
  for (const auto& layer : state.values) floats += layer.size();
  return floats * sizeof(float) + sizeof(WarmState);
}

}  // namespace

std::shared_ptr<const WarmState> StateCache::find(catalog::UserId user) {
  const std::scoped_lock lock(mutex_);
  const auto found = where_.find(index(user));
  if (found == where_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->state;
}

void StateCache::put(catalog::UserId user, std::shared_ptr<const WarmState> state) {
  const std::size_t bytes = bytes_of(state->state);
  const std::scoped_lock lock(mutex_);
  erase_locked(user);
  if (bytes > max_bytes_) return;
  entries_.push_front({user, std::move(state), bytes});
  where_[index(user)] = entries_.begin();
  bytes_ += bytes;
  while (bytes_ > max_bytes_) erase_locked(entries_.back().user);
}

void StateCache::erase_locked(catalog::UserId user) {
  const auto found = where_.find(index(user));
  if (found == where_.end()) return;
  bytes_ -= found->second->bytes;
  entries_.erase(found->second);
  where_.erase(found);
}

void StateCache::erase(catalog::UserId user) {
  const std::scoped_lock lock(mutex_);
  erase_locked(user);
}

void StateCache::clear() {
  const std::scoped_lock lock(mutex_);
  entries_.clear();
  where_.clear();
  bytes_ = 0;
}

std::size_t StateCache::bytes() const {
  const std::scoped_lock lock(mutex_);
  return bytes_;
}

}  // namespace penchant::recommend
