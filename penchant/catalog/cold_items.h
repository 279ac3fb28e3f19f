#pragma once
/// \file Which items a cold-start evaluation holds out: one draw, shared by training and judging. Layer 2.
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/result.h"

namespace penchant::catalog {

/// How cold items are chosen: by a draw over ids, or the last to appear (times of the world only).
enum class ColdBy : std::uint8_t { random, first_seen };
[[nodiscard]] std::string_view name_of(ColdBy by) noexcept;  ///< "random", "first-seen"
/// invalid_argument naming the allowed words.
Result<ColdBy> parse_cold_by(std::string_view word);

/// Marks round(share * n) of the items, at least one: those with the smallest hash of (seed, id). The
/// draw looks at nothing but the ids, so it is the same whatever was bought, in whatever order rows
/// stand; an item that joins later moves at most one mark.
/// \param share of the catalogue, in (0, 1)
/// \return [n], 1 = held out
[[nodiscard]] std::vector<std::uint8_t> draw_cold_items(std::span<const std::string> ids, double share,
                                                        std::uint64_t seed);

/// Stands for an item without events.
inline constexpr std::int64_t kNeverSeen = std::numeric_limits<std::int64_t>::max();

/// Marks round(share * seen) of the items that have events, at least one: those whose first event is the latest, of
/// equal ones the later row. \param first_ms [n] time of the first event, or kNeverSeen \return [n], 1 = held out
[[nodiscard]] std::vector<std::uint8_t> newest_items(std::span<const std::int64_t> first_ms, double share);

}  // namespace penchant::catalog
