#pragma once
/// \file Products of 8-bit vectors against 64 items at a time, compared while still in registers.
/// Private to kernels/. Layer 1.
#include <cstddef>
#include <cstdint>

namespace penchant::kernels {

inline constexpr std::size_t kInt8Panel = 64;  ///< items per panel
inline constexpr std::size_t kInt8Users = 6;   ///< users per call
inline constexpr std::size_t kInt8Step = 4;    ///< coordinates per instruction; rows are padded to it

/// True when the CPU has AVX-512 F, BW and VNNI.
[[nodiscard]] bool has_int8_panels() noexcept;

/// \return bit u is set where masks[u] has a bit; masks[u] bit i is set when start[u] + sum_k panel[k][i] * users[u][k] >= least[u].
/// \param panel [steps][64][4] unsigned; \param users [6][4 * steps] signed, rows `stride` bytes apart
/// Only where has_int8_panels(). Sums fit 32 bits for 4 * steps <= 65,536.
unsigned int8_panel_masks(const std::uint8_t* panel, std::size_t steps, const std::int8_t* users,
                          std::size_t stride, const std::int32_t* start, const std::int32_t* least,
                          std::uint64_t* masks) noexcept;

/// most[u][i] becomes the larger of itself and the same sum; most [6][64]. Conditions as above.
void int8_panel_maxima(const std::uint8_t* panel, std::size_t steps, const std::int8_t* users,
                       std::size_t stride, const std::int32_t* start, std::int32_t* most) noexcept;

}  // namespace penchant::kernels
