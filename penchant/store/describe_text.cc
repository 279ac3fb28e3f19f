#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>

#include "penchant/catalog/text_form.h"
#include "penchant/catalog/time.h"
#include "penchant/store/describe.h"
#include "penchant/store/text_table.h"

namespace penchant::store {
namespace {

namespace bj = boost::json;

std::string percent(double share) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.1f %%", 100 * share);
  return buffer;
}

std::string decimal(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer,
                value == static_cast<double>(static_cast<long long>(value)) ? "%.0f" : "%.2f", value);
  return buffer;
}

std::vector<std::string> row_of(const std::string& name, const Spread& s) {
  return {name,           std::to_string(s.n), decimal(s.min), decimal(s.p25), decimal(s.median),
          decimal(s.p75), decimal(s.p90),      decimal(s.p99), decimal(s.max), decimal(s.mean)};
}

std::string attribute_table(const std::string& title,
                            const std::vector<catalog::AttributeSummary>& attributes) {
  if (attributes.empty()) return {};
  constexpr std::size_t kShown = 40;
  std::vector<const catalog::AttributeSummary*> order;
  for (const auto& attribute : attributes) order.push_back(&attribute);
  std::stable_sort(order.begin(), order.end(),
                   [](const auto* a, const auto* b) { return a->records > b->records; });
  std::vector<std::vector<std::string>> rows{{title, "kind", "coverage", "distinct", "examples"}};
  for (std::size_t i = 0; i < order.size() && i < kShown; ++i) {
    const auto& a = *order[i];
    std::string examples;
    for (const auto& example : a.examples)
      examples.append(examples.empty() ? "" : " | ").append(catalog::quoted_for_message(example, 24));
    if (a.kind == "number") examples = decimal(a.min) + " to " + decimal(a.max);
    rows.push_back({a.name, a.kind, percent(a.coverage),
                    std::to_string(a.distinct) + (a.distinct_capped ? "+" : ""), examples});
  }
  std::string out = "\n" + text_table(rows, {false, false, true, true, false});
  if (order.size() > kShown) out += "… and " + std::to_string(order.size() - kShown) + " rarer attributes\n";
  return out;
}

bj::string text(std::string_view s) { return bj::string(s.data(), s.size()); }

bj::object json_of(const Spread& s) {
  return {{"n", s.n},     {"min", s.min}, {"p25", s.p25}, {"median", s.median}, {"p75", s.p75},
          {"p90", s.p90}, {"p99", s.p99}, {"max", s.max}, {"mean", s.mean}};
}

bj::array json_of(const std::vector<catalog::AttributeSummary>& attributes) {
  bj::array out;
  for (const auto& a : attributes) {
    bj::array examples;
    for (const auto& example : a.examples) examples.push_back(text(example));
    bj::object entry{{"name", text(a.name)},           {"kind", text(a.kind)},
                     {"records", a.records},           {"coverage", a.coverage},
                     {"distinct", a.distinct},         {"distinct_capped", a.distinct_capped},
                     {"examples", std::move(examples)}};
    if (a.kind == "number" || a.kind == "mixed") {
      entry["min"] = a.min;
      entry["max"] = a.max;
    }
    out.push_back(std::move(entry));
  }
  return out;
}

}  // namespace

std::string to_table(const Description& d) {
  std::string out = text_table(
      {{"items", std::to_string(d.counts.items),
        std::to_string(d.available_items) + " available, " + std::to_string(d.items_with_title) +
            " with a title, " + std::to_string(d.items_with_events) + " with events"},
       {"users", std::to_string(d.counts.users), std::to_string(d.users_with_events) + " with events"},
       {"events", std::to_string(d.counts.events),
        std::to_string(d.pairs) + " different user-item pairs, " + percent(d.repeated_share) + " repeats"}},
      {false, true, false});
  if (d.counts.events > 0) {
    if (d.time_kind == TimeKind::epoch)
      out += "times   " + catalog::format_time(d.counts.first_event_ms).substr(0, 19) + " to " +
             catalog::format_time(d.counts.last_event_ms).substr(0, 19) + " UTC";
    else if (d.time_kind == TimeKind::position)
      out += "times   positions (an order, not a clock)";
    else
      out += "times   days since each user's first event";
    out += "; " + percent(d.same_time_share) + " at the same time as the event before\n\n";
    std::vector<std::vector<std::string>> types{
        {"event type", "weight", "events", "with value", "mean value"}};
    for (const auto& type : d.types)
      types.push_back({type.name, decimal(type.weight), std::to_string(type.events),
                       std::to_string(type.with_value),
                       type.with_value > 0 ? decimal(type.mean_value) : "-"});
    out += text_table(types, {false, true, true, true, true});
    out += "\n" +
           text_table({{"events per", "n", "min", "25 %", "median", "75 %", "90 %", "99 %", "max", "mean"},
                       row_of("user", d.per_user),
                       row_of("item", d.per_item)},
                      {false, true, true, true, true, true, true, true, true, true});
  }
  for (const auto& modality : d.modalities)
    out += "vectors '" + modality.name + "': " + std::to_string(modality.items) + " items, " +
           std::to_string(modality.dim) + " numbers each\n";
  out += attribute_table("item attribute", d.item_attributes);
  out += attribute_table("user attribute", d.user_attributes);
  return out;
}

std::string to_json(const Description& d) {
  bj::array types, modalities;
  for (const auto& type : d.types)
    types.push_back(bj::object{{"name", text(type.name)},
                               {"weight", type.weight},
                               {"events", type.events},
                               {"with_value", type.with_value},
                               {"mean_value", type.mean_value}});
  for (const auto& modality : d.modalities)
    modalities.push_back(
        bj::object{{"name", text(modality.name)}, {"items", modality.items}, {"dim", modality.dim}});
  bj::object out{{"items", d.counts.items},
                 {"available_items", d.available_items},
                 {"items_with_title", d.items_with_title},
                 {"items_with_events", d.items_with_events},
                 {"users", d.counts.users},
                 {"users_with_events", d.users_with_events},
                 {"events", d.counts.events},
                 {"pairs", d.pairs},
                 {"repeated_share", d.repeated_share},
                 {"same_time_share", d.same_time_share},
                 {"time_kind", text(name_of(d.time_kind))}};
  if (d.counts.events > 0 && d.time_kind == TimeKind::epoch) {
    out["first_event"] = catalog::format_time(d.counts.first_event_ms);
    out["last_event"] = catalog::format_time(d.counts.last_event_ms);
  }
  out["event_types"] = std::move(types);
  out["events_per_user"] = json_of(d.per_user);
  out["events_per_item"] = json_of(d.per_item);
  out["modalities"] = std::move(modalities);
  out["item_attributes"] = json_of(d.item_attributes);
  out["user_attributes"] = json_of(d.user_attributes);
  return bj::serialize(out);
}

}  // namespace penchant::store
