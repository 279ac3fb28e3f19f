#pragma once
/// \file Strong numbers for rows of one project. Layer 2.
#include <cstdint>

namespace penchant::catalog {

/// Row of an item in its project, 0, 1, 2, … in order of first appearance; never renumbered and
/// never reused, so that vectors, codes and bitmaps can be indexed by it.
enum class ItemId : std::uint32_t {};
/// Row of a user in its project, likewise.
enum class UserId : std::uint32_t {};
/// One token of a semantic ID.
using Code = std::uint16_t;

[[nodiscard]] constexpr std::uint32_t index(ItemId id) noexcept { return static_cast<std::uint32_t>(id); }
[[nodiscard]] constexpr std::uint32_t index(UserId id) noexcept { return static_cast<std::uint32_t>(id); }

}  // namespace penchant::catalog
