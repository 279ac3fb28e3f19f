#pragma once
/// \file Which items a cold-start evaluation holds out: one draw, shared by training and judging. Layer 2.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace penchant::catalog {

/// Marks round(share * n) of the items, at least one: those with the smallest hash of (seed, id). The
/// draw looks at nothing but the ids, so it is the same whatever was bought, in whatever order rows
/// stand; an item that joins later moves at most one mark.
/// \param share of the catalogue, in (0, 1)
/// \return [n], 1 = held out
[[nodiscard]] std::vector<std::uint8_t> draw_cold_items(std::span<const std::string> ids, double share,
                                                        std::uint64_t seed);

}  // namespace penchant::catalog
