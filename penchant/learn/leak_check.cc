#include "penchant/learn/leak_check.h"

#include <algorithm>
#include <string>

#include "penchant/semantic_id/content_encoder.h"

namespace penchant::learn {
namespace {

Error leak(const std::string& what) { return {ErrorCode::internal, "leak: " + what}; }

/// First event of the user, counted from `begin`, that training may not hold.
std::uint64_t first_withheld(const EventTable& table, std::size_t user, const DatasetOptions& options, const Cut& cut) {
  const std::uint64_t begin = table.offsets[user], end = table.offsets[user + 1];
  if (options.holdout == Holdout::none) return end;  // a sample is held out for the early stop alone
  if (options.holdout != Holdout::time) return end - begin < 3 ? end : end - 2;
  std::uint64_t at = begin;
  while (at < end && table.events[at].time_ms < cut.time_ms) ++at;
  return at;
}

bool is_held_out(std::span<const std::uint8_t> held_out, std::uint32_t item) {
  return !held_out.empty() && held_out[item] != 0;
}

bool same(const Histories& a, const Histories& b) {
  return a.offsets == b.offsets && a.items == b.items && a.actions == b.actions && a.times_ms == b.times_ms &&
         a.is_target == b.is_target;
}

bool same_encoder(const semantic_id::ContentEncoder* a, const semantic_id::ContentEncoder* b) {
  if (a == nullptr || b == nullptr) return a == b;
  return std::ranges::equal(a->layers(), b->layers(), [](const auto& p, const auto& q) {
    return p.weight.values() == q.weight.values() && p.bias == q.bias;
  });
}

}  // namespace

Status check_no_leak(const EventTable& table, const DatasetOptions& options, const Cut& cut,
                     std::span<const std::uint8_t> held_out, const TrainingData& data) {
  if (data.train.users() != table.users()) return leak("training holds other users than the store");
  std::vector<std::int32_t> counts(data.items, 0);
  for (std::size_t u = 0; u < table.users(); ++u) {
    std::size_t at = data.train.offsets[u];
    const std::size_t end = data.train.offsets[u + 1];
    for (std::uint64_t e = table.offsets[u]; e < first_withheld(table, u, options, cut); ++e) {
      const LoggedEvent& event = table.events[e];
      if (is_held_out(held_out, event.item)) continue;
      if (at < end && data.train.items[at] == event.item && data.train.times_ms[at] == event.time_ms) ++at;
      else if (options.holdout != Holdout::none || at < end) return leak("user row " + std::to_string(u) + " trains on other events than the hold-out leaves");
      else break;
      ++counts[event.item];
    }
    if (at != end) return leak("user row " + std::to_string(u) + " trains on events that are held out");
  }
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (data.train_count[i] != counts[i])
      return leak("train_count of item row " + std::to_string(i) + " is " + std::to_string(data.train_count[i]) +
                  ", training holds " + std::to_string(counts[i]) + " events");
  for (const ValidationCase& c : data.validation) {
    const auto begin = table.events.begin() + static_cast<std::ptrdiff_t>(table.offsets[c.user]);
    const auto end = table.events.begin() + static_cast<std::ptrdiff_t>(table.offsets[c.user + 1]);
    // last-out and cold: the second last; time: the first in [cut, test cut); none: the last.
    const auto asked = begin + static_cast<std::ptrdiff_t>(
        options.holdout == Holdout::none ? end - begin - 1
                                         : static_cast<std::ptrdiff_t>(first_withheld(table, c.user, options, cut) - table.offsets[c.user]));
    const bool inside = asked < end && asked->item == c.target && asked->time_ms == c.time_ms &&
                        !is_held_out(held_out, c.target) &&
                        (options.holdout != Holdout::time || c.time_ms < cut.test_ms);
    if (!inside) return leak("the early stop of user row " + std::to_string(c.user) + " asks for a test event or a held-out item");
  }
  return {};
}

Status check_same_fit(const Dataset& a, const Dataset& b) {
  const TrainingData &x = a.data, &y = b.data;
  if (!same(x.train, y.train)) return leak("the training histories differ");
  if (!std::ranges::equal(x.validation, y.validation, [](const auto& p, const auto& q) {
        return p.user == q.user && p.target == q.target && p.time_ms == q.time_ms;
      }))
    return leak("the validation of the early stop differs");
  if (!std::ranges::equal(x.actions, y.actions, [](const auto& p, const auto& q) {
        return p.type == q.type && p.from == q.from && p.to == q.to && p.has_value == q.has_value;
      }))
    return leak("the value ranges of the action table differ");
  if (x.train_count != y.train_count) return leak("train_count differs");
  if (x.last_seen_ms != y.last_seen_ms) return leak("last_seen_ms differs");
  if (x.removes_seen != y.removes_seen) return leak("removes_seen differs");
  if (x.codebooks.size() != y.codebooks.size()) return leak("the number of codebooks differs");
  for (std::size_t l = 0; l < x.codebooks.size(); ++l)
    if (x.codebooks[l].values() != y.codebooks[l].values()) return leak("codebook " + std::to_string(l) + " differs");
  if (a.held_out != b.held_out) return leak("the held-out items differ");
  if (!same_encoder(x.content_encoder.get(), y.content_encoder.get())) return leak("the content encoder differs");
  if (a.item_ids != b.item_ids || x.codes.cols() != y.codes.cols()) return leak("the catalogues differ");
  for (std::size_t i = 0; i < x.codes.rows(); ++i)
    if ((a.held_out.empty() || a.held_out[i] == 0) && !std::ranges::equal(x.codes.row(i), y.codes.row(i)))
      return leak("the codes of item row " + std::to_string(i) + " differ");
  return {};
}

}  // namespace penchant::learn
