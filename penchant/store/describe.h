#pragma once
/// \file What a store holds, in figures. Layer 3.
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "penchant/base/result.h"
#include "penchant/catalog/attribute_schema.h"
#include "penchant/store/store.h"
#include "penchant/store/time_kind.h"

namespace penchant::store {

/// Least, quartiles, 90th and 99th percentile, most, mean of a count per user or item.
struct Spread {
  std::uint64_t n = 0;  ///< how many users or items have at least one event
  double min = 0, p25 = 0, median = 0, p75 = 0, p90 = 0, p99 = 0, max = 0, mean = 0;
};

/// \param counts  any order; zeros are left out. Quantiles by nearest rank.
[[nodiscard]] Spread spread_of(std::vector<std::uint64_t> counts);

struct TypeCount {
  std::string name;
  double weight = 1;
  std::uint64_t events = 0, with_value = 0;
  double mean_value = 0;  ///< of those with a value
};

struct Description {
  Counts counts;
  TimeKind time_kind = TimeKind::epoch;
  std::uint64_t available_items = 0, items_with_title = 0, items_with_events = 0;
  std::uint64_t users_with_events = 0;
  std::vector<TypeCount> types;
  Spread per_user, per_item;   ///< events
  std::uint64_t pairs = 0;     ///< different (user, item)
  double repeated_share = 0;   ///< share of events whose pair came before, 0..1
  double same_time_share = 0;  ///< share of events with the time of the user's event before
  struct Modality {
    std::string name;
    std::uint64_t items = 0;
    std::uint64_t dim = 0;
  };
  std::vector<Modality> modalities;
  std::vector<catalog::AttributeSummary> item_attributes, user_attributes;
};

/// One pass over items, users and events. Memory: 16 B per user and item, the events of one user,
/// and the distinct attribute values up to SchemaBuilder::kMaxDistinct each.
Result<Description> describe(Store& store);

/// Plain text of at most 100 columns.
[[nodiscard]] std::string to_table(const Description& description);
[[nodiscard]] std::string to_json(const Description& description);

}  // namespace penchant::store
