#include "penchant/evaluate/clicks/outcomes.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "penchant/evaluate/split/split.h"
#include "penchant/store/time_kind.h"

namespace penchant::evaluate {
namespace {

struct TypeRules {
  bool learned = false;                             ///< its weight is above 0
  std::vector<const OutcomeRule*> positive, negative;
  bool others_negative = false;
};

bool any_matches(const std::vector<const OutcomeRule*>& rules, double value) {
  return std::ranges::any_of(rules, [&](const auto* rule) { return rule->matches(value); });
}

Result<std::vector<TypeRules>> rules_by_type(store::Store& store, const OutcomeOptions& options) {
  PENCHANT_TRY(types, store.event_types());
  std::vector<TypeRules> out(types.size());
  std::string names;
  for (std::size_t t = 0; t < types.size(); ++t) {
    out[t].learned = types[t].weight > 0;
    names += (names.empty() ? "" : ", ") + types[t].name;
  }
  const auto place = [&](const OutcomeRule& rule, bool positive) -> Status {
    const auto at = std::ranges::find(types, rule.type, &store::EventType::name);
    if (at == types.end()) return invalid("no event is of type \"" + rule.type + "\"; there are: " + names);
    auto& type = out[static_cast<std::size_t>(at - types.begin())];
    (positive ? type.positive : type.negative).push_back(&rule);
    if (positive && options.negative.empty() && rule.compare != OutcomeRule::Compare::any) type.others_negative = true;
    return {};
  };
  for (const auto& rule : options.positive) PENCHANT_DO(place(rule, true));
  for (const auto& rule : options.negative) PENCHANT_DO(place(rule, false));
  return out;
}

/// Takes away what a positive of the same day answers.
void drop_answered(std::vector<Outcome>& of_user) {
  std::set<std::pair<std::uint32_t, std::int64_t>> taken;
  for (const auto& outcome : of_user)
    if (outcome.positive) taken.emplace(outcome.item, outcome.time_ms / kDayMs);
  std::erase_if(of_user, [&](const Outcome& o) { return !o.positive && taken.contains({o.item, o.time_ms / kDayMs}); });
}

}  // namespace

bool OutcomeRule::matches(double event_value) const noexcept {
  switch (compare) {
    case Compare::any: return true;
    case Compare::less: return event_value < value;
    case Compare::at_most: return event_value <= value;
    case Compare::equal: return event_value == value;
    case Compare::at_least: return event_value >= value;
    case Compare::more: return event_value > value;
  }
  return false;
}

Result<OutcomeRule> parse_outcome_rule(std::string_view text) {
  using Compare = OutcomeRule::Compare;
  const auto wrong = [&] {
    return invalid("\"" + std::string(text.substr(0, 80)) + "\" is no outcome: write an event type, e.g. click, or compare its value, e.g. rating>=4");
  };
  const auto at = text.find_first_of("<>=");
  OutcomeRule rule{.type = std::string(text.substr(0, at))};
  while (!rule.type.empty() && rule.type.back() == ' ') rule.type.pop_back();
  if (rule.type.empty()) return wrong();
  if (at == std::string_view::npos) return rule;
  const bool with_equal = at + 1 < text.size() && text[at + 1] == '=';
  if (text[at] == '=') rule.compare = Compare::equal;
  else if (text[at] == '<') rule.compare = with_equal ? Compare::at_most : Compare::less;
  else rule.compare = with_equal ? Compare::at_least : Compare::more;
  auto number = text.substr(at + (with_equal ? 2 : 1));
  while (number.starts_with(' ')) number.remove_prefix(1);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), rule.value);
  if (error != std::errc() || end != number.data() + number.size() || !std::isfinite(rule.value)) return wrong();
  return rule;
}

Result<OutcomeLog> load_outcomes(store::Store& store, const OutcomeOptions& options) {
  PENCHANT_TRY(kind, store::time_kind(store));
  if (kind != store::TimeKind::epoch)
    return invalid("days follow each other only where events have times: import events with a time column");
  PENCHANT_TRY(rules, rules_by_type(store, options));
  OutcomeLog log;
  PENCHANT_DO(store.scan_items(
      [&](catalog::ItemId, catalog::Item&& item) {
        log.item_ids.push_back(std::move(item.id));
        return true;
      },
      /*with_vectors=*/false));
  std::vector<Outcome> of_user;
  std::size_t positives = 0;
  bool damaged = false;
  const auto end_user = [&] {
    if (!options.negative.empty()) drop_answered(of_user);
    log.outcomes.insert(log.outcomes.end(), of_user.begin(), of_user.end());
    of_user.clear();
  };
  PENCHANT_DO(store.scan_events_by_user([&](const store::StoredEvent& event) {
    const std::uint32_t user = index(event.user), item = index(event.item);
    if (event.type >= rules.size() || item >= log.item_ids.size()) return !(damaged = true);
    if (!of_user.empty() && of_user[0].user != user) end_user();
    log.users = std::max<std::size_t>(log.users, user + 1);
    const TypeRules& type = rules[event.type];
    const bool positive = options.positive.empty() ? type.learned && !any_matches(type.negative, event.value)
                                                   : any_matches(type.positive, event.value);
    const bool negative = !positive && (any_matches(type.negative, event.value) ||
                                        (type.others_negative && !std::isnan(event.value)));
    positives += positive ? 1 : 0;
    if (positive || negative) of_user.push_back({user, item, event.time_ms, positive, false});
    return true;
  }));
  if (damaged) return Error{ErrorCode::corrupt, "an event names an item or type that the store does not hold; run `penchant validate`"};
  end_user();
  if (positives == 0) return invalid("no event is a positive outcome: import events, or choose others with --positive");
  std::ranges::stable_sort(log.outcomes, {}, [](const Outcome& o) { return std::pair(o.time_ms, o.user); });
  return log;
}

}  // namespace penchant::evaluate
