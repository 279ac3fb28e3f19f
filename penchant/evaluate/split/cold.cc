// Protocol "cold": leave-last-out after some items were held out of everything.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "penchant/catalog/cold_items.h"
#include "penchant/evaluate/split/split.h"
#include "penchant/evaluate/split/times.h"

namespace penchant::evaluate {
Status Split::cut_cold(EventLog log) {
  if (!(protocol_.cold_share > 0 && protocol_.cold_share <= 0.5))
    return invalid("the share of cold items must lie above 0 and be at most 0.5, it is " +
                   std::to_string(protocol_.cold_share));
  if (protocol_.cold_by.kind == ColdBy::Kind::first_seen) {
    PENCHANT_DO(check_world_times(log, "choice of cold items by first appearance"));
    std::vector<double> first(log.items(), catalog::kNoColdKey);
    for (const auto& event : log.events) first[event.item] = std::fmin(first[event.item], static_cast<double>(event.time_ms));
    held_out_ = catalog::newest_items(first, protocol_.cold_share);
  } else if (protocol_.cold_by.kind == ColdBy::Kind::attribute) {
    if (log.cold_keys.size() != log.items()) return invalid("the events were read without the attribute that chooses cold items");
    held_out_ = catalog::newest_items(log.cold_keys, protocol_.cold_share);
  } else {
    held_out_ = catalog::draw_cold_items(log.item_ids, protocol_.cold_share, protocol_.cold_seed);
  }
  groups_ = {"cold", "in-set"};

  // What is left of the log; each event remembers its place among all events of its user.
  EventLog kept = log;
  kept.events.clear();
  length_.resize(log.users());
  for (std::size_t u = 0; u < log.users(); ++u) {
    const auto all = log.of(u);
    length_[u] = static_cast<std::uint32_t>(all.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (held_out_[all[i].item] != 0) continue;
      kept.events.push_back(all[i]);
      place_.push_back(static_cast<std::uint32_t>(i));
    }
    kept.offsets[u + 1] = kept.events.size();
  }
  log_ = std::make_shared<const EventLog>(std::move(kept));

  std::size_t cold_tests = 0;
  training_end_.resize(log.users());
  for (std::size_t u = 0; u < log.users(); ++u) {
    const std::size_t first = log_->offsets[u], end = log_->offsets[u + 1];
    const auto before = [&](std::size_t place) {  // kept events of the user before that place
      std::size_t at = end;
      while (at > first && place_[at - 1] >= place) --at;
      return at;
    };
    const auto all = log.of(u);
    training_end_[u] = end;
    if (all.size() < 3) continue;
    training_end_[u] = before(all.size() - 2);
    const Interaction &validation = all[all.size() - 2], &test = all[all.size() - 1];
    ask(u, validation, training_end_[u], Stage::validation, held_out_[validation.item] != 0 ? 0 : 1);
    const bool cold = held_out_[test.item] != 0;
    if (!ask(u, test, before(all.size() - 1), Stage::test, cold ? 0 : 1)) ++without_history_;
    else if (cold) ++cold_tests;
  }
  const auto held = std::accumulate(held_out_.begin(), held_out_.end(), std::size_t{0});
  if (cold_tests == 0)
    return invalid("none of the " + std::to_string(held) + " held-out items is the last event of a user with a "
                   "history of other items: raise the share of cold items, or choose another seed of the draw");
  return {};
}

}  // namespace penchant::evaluate
