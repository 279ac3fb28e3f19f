#pragma once
/// \file Which items a cold-start evaluation holds out: one draw, shared by training and judging. Layer 2.
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/result.h"
#include "penchant/catalog/item.h"

namespace penchant::catalog {

/// How cold items are chosen: by a draw over ids, the last to appear (times of the world only), or the highest numbers
/// under an attribute, such as a year.
struct ColdBy {
  enum class Kind : std::uint8_t { random, first_seen, attribute };
  Kind kind = Kind::random;
  std::string attribute;  ///< its name

  friend bool operator==(const ColdBy&, const ColdBy&) = default;
};
[[nodiscard]] std::string name_of(const ColdBy& by);  ///< "random", "first-seen", or the attribute
/// Any other word is the name of an attribute. invalid_argument for none.
Result<ColdBy> parse_cold_by(std::string_view word);

/// Of an item that cannot be the newest: it has no event, or no number under the attribute.
inline constexpr double kNoColdKey = std::numeric_limits<double>::quiet_NaN();
/// The number under an attribute, also where it was stored as text.
[[nodiscard]] double cold_key(const Item& item, const std::string& attribute);
/// invalid_argument, naming the attribute, where no item has a number under it.
Status check_cold_keys(std::span<const double> keys, const ColdBy& by);

/// Marks round(share * n) of the items, at least one: those with the smallest hash of (seed, id). The
/// draw looks at nothing but the ids, so it is the same whatever was bought, in whatever order rows
/// stand; an item that joins later moves at most one mark.
/// \param share of the catalogue, in (0, 1)
/// \return [n], 1 = held out
[[nodiscard]] std::vector<std::uint8_t> draw_cold_items(std::span<const std::string> ids, double share,
                                                        std::uint64_t seed);

/// Marks round(share * n) of the n items that have a key, at least one: those of the highest, of equal ones the later row.
/// \param keys time of the first event, or cold_key() \return 1 = held out
[[nodiscard]] std::vector<std::uint8_t> newest_items(std::span<const double> keys, double share);

}  // namespace penchant::catalog
