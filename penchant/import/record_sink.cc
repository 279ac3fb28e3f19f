#include "penchant/import/record_sink.h"

#include <algorithm>

namespace penchant::import {
namespace {

constexpr std::size_t kMaxGathered = 256;  ///< values of one attribute of one user

void set_vector(catalog::Item& item, catalog::ModalityVector&& vector) {
  for (auto& old : item.vectors)
    if (old.modality == vector.modality) {
      old = std::move(vector);
      return;
    }
  item.vectors.push_back(std::move(vector));
}

/// Adds the texts of `more` that `have` lacks; a single value becomes a list.
void gather(catalog::AttributeValue& have, const catalog::AttributeValue& more) {
  if (!std::holds_alternative<std::vector<std::string>>(have))
    have = std::vector<std::string>{catalog::to_text(have)};
  auto& list = std::get<std::vector<std::string>>(have);
  const auto add = [&](const std::string& text) {
    if (list.size() < kMaxGathered && std::find(list.begin(), list.end(), text) == list.end())
      list.push_back(text);
  };
  if (const auto* texts = std::get_if<std::vector<std::string>>(&more))
    std::for_each(texts->begin(), texts->end(), add);
  else
    add(catalog::to_text(more));
}

void gather(catalog::Attributes& have, const catalog::Attributes& more) {
  for (const auto& [name, value] : more) {
    const auto [found, added] = have.try_emplace(name, value);
    gather(found->second, value);
  }
}

void assign(catalog::Attributes& have, catalog::Attributes&& more) {
  for (auto& [name, value] : more)
    if (have.size() < catalog::kMaxAttributes || have.contains(name))
      have.insert_or_assign(name, std::move(value));
}

/// The stored record, or a new one.
Result<catalog::Item> stored_item(store::Store& store, const std::string& id) {
  auto found = store.get_item(id);
  if (found.ok() || found.error().code != ErrorCode::not_found) return found;
  catalog::Item fresh;
  fresh.id = id;
  return fresh;
}

}  // namespace

Result<bool> ItemSink::put(catalog::Item item, const FilePlan& plan) {
  if (plan_ != &plan) {
    PENCHANT_DO(flush());
    plan_ = &plan;
    replaced_.clear();
    for (const auto& use : plan.uses)
      if (use.field == Field::attribute) replaced_.insert(use.attribute);
  }
  const bool first = listed_.insert(item.id).second;
  if (dry_run_) {
    written_ += first ? 1 : 0;
    return first;
  }
  const auto [found, added] = index_.try_emplace(item.id, pending_.size());
  if (added) pending_.emplace_back();
  Pending& pending = pending_[found->second];
  pending.item = std::move(item);
  pending.whole = true;
  written_ += first ? 1 : 0;
  PENCHANT_DO(flush_if_full());
  return first;
}

Status ItemSink::enrich(catalog::Item item) {
  if (dry_run_ || listed_.contains(item.id)) return {};
  const auto [found, added] = index_.try_emplace(item.id, pending_.size());
  if (added) {
    pending_.emplace_back();
    pending_.back().item.id = item.id;
  }
  Pending& pending = pending_[found->second];
  catalog::Item& have = pending.item;
  if (!item.title.empty()) count_title(pending, std::move(item.title));
  assign(have.attributes, std::move(item.attributes));
  for (auto& vector : item.vectors) set_vector(have, std::move(vector));
  return flush_if_full();
}

void ItemSink::count_title(Pending& pending, std::string&& title) {
  constexpr std::size_t kTitles = 16;  // different ones that are counted
  auto& titles = pending.titles;
  auto found =
      std::find_if(titles.begin(), titles.end(), [&](const auto& entry) { return entry.first == title; });
  if (found == titles.end()) {
    if (titles.size() == kTitles) return;
    found = titles.insert(titles.end(), {std::move(title), 0});
  }
  ++found->second;
  const auto most = std::max_element(titles.begin(), titles.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  if (pending.item.title != most->first) pending.item.title = most->first;
}

Status ItemSink::put_vector(std::string id, catalog::ModalityVector vector) {
  if (dry_run_) return {};
  const auto [found, added] = index_.try_emplace(id, pending_.size());
  if (added) {
    pending_.emplace_back();
    pending_.back().item.id = std::move(id);
  }
  set_vector(pending_[found->second].item, std::move(vector));
  return flush_if_full();
}

Status ItemSink::flush() {
  if (pending_.empty()) return {};
  std::vector<catalog::Item> items;
  items.reserve(pending_.size());
  for (auto& [item, whole, titles] : pending_) {
    PENCHANT_TRY(merged, stored_item(store_, item.id));
    if (whole) {
      std::erase_if(merged.attributes, [&](const auto& entry) { return replaced_.contains(entry.first); });
      if (plan_->has(Field::title)) merged.title = std::move(item.title);
      if (plan_->has(Field::available)) merged.available = item.available;
    } else if (!item.title.empty()) {
      merged.title = std::move(item.title);
    }
    assign(merged.attributes, std::move(item.attributes));
    for (auto& vector : item.vectors) set_vector(merged, std::move(vector));
    items.push_back(std::move(merged));
  }
  pending_.clear();
  index_.clear();
  PENCHANT_TRY(rows, store_.put_items(items));
  return {};
}

UserSink::Pending& UserSink::pending_for(const std::string& id) {
  const auto [found, added] = index_.try_emplace(id, pending_.size());
  if (added) {
    pending_.emplace_back();
    pending_.back().user.id = id;
  }
  return pending_[found->second];
}

Result<bool> UserSink::put(catalog::User user, const FilePlan& plan) {
  if (plan_ != &plan) {
    PENCHANT_DO(flush());
    plan_ = &plan;
  }
  const bool first = listed_.insert(user.id).second;
  written_ += first ? 1 : 0;
  if (dry_run_) return first || plan.gather;
  Pending& pending = pending_for(user.id);
  pending.gather = plan.gather;
  if (plan.gather)
    gather(pending.user.attributes, user.attributes);
  else
    pending.user.attributes = std::move(user.attributes);
  if (pending_.size() >= kBatch) PENCHANT_DO(flush());
  return first || plan.gather;
}

Status UserSink::enrich(catalog::User user) {
  if (dry_run_ || user.attributes.empty() || listed_.contains(user.id)) return {};
  Pending& pending = pending_for(user.id);
  assign(pending.user.attributes, std::move(user.attributes));
  return pending_.size() >= kBatch ? flush() : Status();
}

Status UserSink::flush() {
  if (pending_.empty()) return {};
  std::vector<catalog::User> users;
  users.reserve(pending_.size());
  for (auto& [user, gathers] : pending_) {
    auto found = store_.get_user(user.id);
    if (!found.ok() && found.error().code != ErrorCode::not_found) return std::move(found).error();
    catalog::User merged = found.ok() ? std::move(found).value() : catalog::User{user.id, {}};
    if (gathers)
      gather(merged.attributes, user.attributes);
    else
      assign(merged.attributes, std::move(user.attributes));
    users.push_back(std::move(merged));
  }
  pending_.clear();
  index_.clear();
  PENCHANT_TRY(rows, store_.put_users(users));
  return {};
}

}  // namespace penchant::import
