#include "penchant/explain/reasons.h"

#include <algorithm>
#include <map>
#include <set>

namespace penchant::explain {
namespace {

/// One attribute value and the history events whose items have it.
struct FacetGroup {
  FacetId facet = 0;
  std::vector<std::size_t> positions;
  std::size_t listed = 0;  ///< items of the list that have it
};

std::vector<FacetGroup> facet_groups(const Context& context) {
  std::map<FacetId, FacetGroup> groups;
  for (const ListedItem& item : context.items)
    for (const FacetId facet : item.facets) {
      groups[facet].facet = facet;
      ++groups[facet].listed;
    }
  for (std::size_t p = 0; p < context.history.size(); ++p)
    for (const FacetId facet : context.history[p].facets)
      if (const auto found = groups.find(facet); found != groups.end()) found->second.positions.push_back(p);
  std::vector<FacetGroup> kept;
  for (auto& [facet, group] : groups) {
    std::set<std::string_view> distinct;
    for (const std::size_t p : group.positions) distinct.insert(context.history[p].id);
    if (distinct.size() >= 2) kept.push_back(std::move(group));
  }
  std::stable_sort(kept.begin(), kept.end(), [](const FacetGroup& a, const FacetGroup& b) {
    return a.listed * a.positions.size() > b.listed * b.positions.size();
  });
  if (kept.size() > kMaxFacetGroups) kept.resize(kMaxFacetGroups);
  return kept;
}

Evidence event_evidence(const PastEvent& event) {
  return {"event", event.id, event.title.empty() ? event.id : event.title, event.tone};
}

bool has(const std::vector<FacetId>& facets, FacetId facet) {
  return std::binary_search(facets.begin(), facets.end(), facet);
}

/// Collects reasons per item from one measurement.
class Collector {
 public:
  Collector(std::size_t items, std::vector<double> baseline) : found_(items), baseline_(std::move(baseline)) {}
  template <class Make, class Applies>
  void add(const std::vector<double>& without, const Applies& applies, const Make& make) {
    for (std::size_t i = 0; i < found_.size(); ++i)
      if (const double drop = baseline_[i] - without[i]; drop > kSmallestDrop && applies(i)) {
        Reason reason = make();
        reason.weight = drop;
        found_[i].push_back(std::move(reason));
      }
  }
  /// Keeps the heaviest `most` of a type and moves them to `out`.
  void move_heaviest(std::vector<std::vector<Reason>>& out, std::size_t most) {
    for (std::size_t i = 0; i < found_.size(); ++i) {
      auto& reasons = found_[i];
      std::stable_sort(reasons.begin(), reasons.end(), [](const Reason& a, const Reason& b) { return a.weight > b.weight; });
      if (reasons.size() > most) reasons.resize(most);
      std::move(reasons.begin(), reasons.end(), std::back_inserter(out[i]));
      reasons.clear();
    }
  }

 private:
  std::vector<std::vector<Reason>> found_;
  std::vector<double> baseline_;
};

Reason facet_reason(const Context& context, const FacetGroup& group) {
  const NamedValue facet = context.facet(group.facet);
  Reason reason{"attribute", 0, {{"attribute", facet.name, facet.value}}, group.facet};
  std::set<std::string_view> distinct;
  for (auto p = group.positions.rbegin(); p != group.positions.rend(); ++p) {  // newest first
    const PastEvent& event = context.history[*p];
    if (distinct.insert(event.id).second && distinct.size() <= kMaxEventsShown)
      reason.evidence.push_back(event_evidence(event));
  }
  const std::string count = std::to_string(distinct.size());
  reason.evidence.push_back({"count", count, count});
  // The words for the whole group may only say what is true of all of it.
  const bool any_low = std::any_of(group.positions.begin(), group.positions.end(), [&](std::size_t p) {
    return context.history[p].tone == Tone::rated_low;
  });
  reason.evidence.back().tone = any_low ? Tone::rated_low : Tone::neutral;
  return reason;
}

/// The events that an item's reasons name are shown in its attribute reasons too, where they belong.
void show_named_events(const Context& context, std::vector<Reason>& reasons) {
  for (Reason& attribute : reasons) {
    if (attribute.type != "attribute") continue;
    for (const Reason& named : reasons) {
      if (named.type != "history") continue;
      const Evidence& event = named.evidence.front();
      const bool shown = std::any_of(attribute.evidence.begin(), attribute.evidence.end(),
                                     [&](const Evidence& e) { return e.kind == "event" && e.id == event.id; });
      const bool belongs = std::any_of(context.history.begin(), context.history.end(), [&](const PastEvent& past) {
        return past.id == event.id && has(past.facets, attribute.facet);
      });
      if (!shown && belongs) attribute.evidence.insert(attribute.evidence.end() - 1, event);
    }
  }
}

void add_inputs(const Context& context, std::vector<std::vector<Reason>>& out) {
  for (std::size_t i = 0; i < context.items.size(); ++i) {
    const ListedItem& item = context.items[i];
    const InputDrop* best = nullptr;
    double fitting = 0;
    for (const InputDrop& input : item.inputs) {
      if (input.drop <= kSmallestDrop) continue;
      if (input.source == "popular") {
        out[i].push_back({"popular", input.drop, {{"source", "popular", "popular"}}});
        continue;
      }
      if (input.source == "content" || input.source == "dense") fitting += input.drop;
      if (best == nullptr || input.drop > best->drop) best = &input;
    }
    if (best != nullptr) out[i].push_back({"source", best->drop, {{"source", best->source, best->source}}});
    if (item.is_new && fitting > kSmallestDrop)
      out[i].push_back({"new", fitting, {{"item", item.id, item.title.empty() ? item.id : item.title}}});
  }
}

}  // namespace

Reasons find_reasons(const Context& context, Rescorer& rescorer) {
  Reasons out;
  out.of_item.resize(context.items.size());
  add_inputs(context, out.of_item);
  auto base = rescorer.baseline();
  if (!base) {
    out.complete = false;
    return out;
  }
  Collector collector(context.items.size(), *std::move(base));
  const auto always = [](std::size_t) { return true; };

  for (std::size_t a = 0; a < context.anchors.size() && out.complete; ++a) {
    const auto without = rescorer.without_anchor(a);
    if (!(out.complete = without.has_value())) break;
    const NamedValue& anchor = context.anchors[a];
    collector.add(*without, always, [&] {
      return Reason{"similar_to", 0, {{"item", anchor.name, anchor.value.empty() ? anchor.name : anchor.value}}};
    });
  }
  collector.move_heaviest(out.of_item, 2);
  for (std::size_t t = 0; t < context.query_terms.size() && out.complete; ++t) {
    const auto without = rescorer.without_term(t);
    if (!(out.complete = without.has_value())) break;
    collector.add(*without, always, [&] {
      return Reason{"query", 0, {{"query_term", context.query_terms[t], context.query_terms[t]}}};
    });
  }
  collector.move_heaviest(out.of_item, 4);
  for (const std::size_t position : context.events_to_try) {
    if (!out.complete) break;
    const auto without = rescorer.without_events(std::span(&position, 1));
    if (!(out.complete = without.has_value())) break;
    collector.add(*without, always,
                  [&] { return Reason{"history", 0, {event_evidence(context.history[position])}}; });
  }
  collector.move_heaviest(out.of_item, kMaxEventReasons);
  for (const FacetGroup& group : facet_groups(context)) {
    if (!out.complete) break;
    const auto without = rescorer.without_events(group.positions);
    if (!(out.complete = without.has_value())) break;
    collector.add(*without, [&](std::size_t i) { return has(context.items[i].facets, group.facet); },
                  [&] { return facet_reason(context, group); });
  }
  collector.move_heaviest(out.of_item, kMaxFacetReasons);
  for (auto& reasons : out.of_item) show_named_events(context, reasons);
  for (auto& reasons : out.of_item)
    std::stable_sort(reasons.begin(), reasons.end(), [](const Reason& a, const Reason& b) { return a.weight > b.weight; });
  return out;
}

}  // namespace penchant::explain
