#pragma once
/// \file Why an item stands in a list: evidence is taken away, the score is computed again, and what
/// was lost is the weight of the reason. Nothing that did not move the score is a reason. Layer 4.
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace penchant::explain {

/// How a person dealt with an item, as far as the event says: decides the words, never the weight.
enum class Tone : std::uint8_t { neutral, viewed, bought, liked, rated_high, rated_low };

struct Evidence {
  std::string kind;   ///< "event", "attribute", "item", "query_term", "source", "count"
  std::string id;     ///< item id, attribute name, term, source name, or the number
  std::string text;   ///< title, attribute value, …
  Tone tone = Tone::neutral;  ///< of events
};

using FacetId = std::uint32_t;  ///< number of one attribute value; the same number = the same value

struct Reason {
  std::string type;   ///< "history", "attribute", "source", "query", "similar_to", "popular", "new"
  double weight = 0;  ///< > 0: the fused score falls by this much when the evidence is taken away
  std::vector<Evidence> evidence;
  FacetId facet = 0;  ///< of "attribute"
};

/// One event of the history, in the order the model reads it.
struct PastEvent {
  std::string id, title;
  Tone tone = Tone::neutral;
  std::vector<FacetId> facets;  ///< sorted
};

/// What was measured without taking history away: drop of the score when one input is set to the
/// value of the median candidate. Only drops > 0 count.
struct InputDrop {
  std::string source;  ///< "dense", "generator", "transitions", "popular", "content", "lexical", …
  double drop = 0;
};

struct ListedItem {
  std::string id, title;
  std::vector<FacetId> facets;  ///< sorted
  bool is_new = false;          ///< training saw no event of it
  std::vector<InputDrop> inputs;
};

struct NamedValue {
  std::string name, value;
};

/// Everything reasons are made from. Views live through the call.
struct Context {
  std::span<const ListedItem> items;
  std::span<const PastEvent> history;
  std::span<const std::size_t> events_to_try;        ///< positions in `history`, each left out alone
  std::span<const NamedValue> anchors;               ///< id, title of similar_to
  std::span<const std::string> query_terms;
  std::function<NamedValue(FacetId)> facet;          ///< attribute name and value
};

/// Scores of Context::items, in their order, with something taken away. nullopt: no time left.
class Rescorer {
 public:
  virtual ~Rescorer() = default;
  virtual std::optional<std::vector<double>> baseline() = 0;
  virtual std::optional<std::vector<double>> without_events(std::span<const std::size_t> positions) = 0;
  virtual std::optional<std::vector<double>> without_anchor(std::size_t anchor) = 0;
  virtual std::optional<std::vector<double>> without_term(std::size_t term) = 0;
};

inline constexpr std::size_t kMaxFacetGroups = 24;   ///< attribute values tried per list
inline constexpr std::size_t kMaxEventReasons = 3;   ///< per item
inline constexpr std::size_t kMaxFacetReasons = 3;
inline constexpr std::size_t kMaxEventsShown = 5;    ///< evidence events of one attribute reason
inline constexpr double kSmallestDrop = 1e-4;        ///< below: rounding, no reason

struct Reasons {
  std::vector<std::vector<Reason>> of_item;  ///< [items], heaviest first
  bool complete = true;                      ///< false: time ran out; what is there was measured
};

/// Attribute values count when the item shares them with at least two different history items; their
/// weight is what is lost when all events of such items are left out at once.
Reasons find_reasons(const Context& context, Rescorer& rescorer);

}  // namespace penchant::explain
