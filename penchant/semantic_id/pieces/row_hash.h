#pragma once
/// \file Hashing into the rows of a table. Layer 3, internal.
#include <cstdint>

namespace penchant::semantic_id {

/// Both words well mixed (the finaliser of splitmix64, Steele et al. 2014).
[[nodiscard]] constexpr std::uint64_t mixed(std::uint64_t value, std::uint64_t with) noexcept {
  std::uint64_t z = value + 0x9e3779b97f4a7c15ULL * (with + 1);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

/// Uniform in [0, rows), rows >= 1.
[[nodiscard]] constexpr std::uint32_t hashed_row(std::uint64_t hash, std::uint32_t rows) noexcept {
  return static_cast<std::uint32_t>((static_cast<unsigned __int128>(hash) * rows) >> 64);
}

}  // namespace penchant::semantic_id
