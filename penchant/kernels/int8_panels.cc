// Highway 1.0 has no 8-bit dot product, so these kernels are written with intrinsics; the functions
// carry their target themselves, so that nothing else in the program is compiled for AVX-512.
#include "penchant/kernels/int8_panels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <cstring>

namespace penchant::kernels {

#if defined(__x86_64__)
#define PENCHANT_VNNI __attribute__((target("avx512f,avx512bw,avx512vnni")))

namespace {

constexpr std::size_t kVectors = kInt8Panel / 16;

struct Sums {
  __m512i of[kInt8Users][kVectors];
};

/// Everything unrolled, so that the sums stay in registers.
PENCHANT_VNNI inline __attribute__((always_inline)) void add_up(const std::uint8_t* panel, std::size_t steps,
                                                                const std::int8_t* users, std::size_t stride,
                                                                const std::int32_t* start, Sums& sums) noexcept {
#pragma GCC unroll 6
  for (std::size_t u = 0; u < kInt8Users; ++u)
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kVectors; ++v) sums.of[u][v] = _mm512_set1_epi32(start[u]);
  for (std::size_t s = 0; s < steps; ++s) {
    __m512i items[kVectors];
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kVectors; ++v)
      items[v] = _mm512_loadu_si512(panel + (s * kVectors + v) * 64);
#pragma GCC unroll 6
    for (std::size_t u = 0; u < kInt8Users; ++u) {
      std::int32_t four;
      std::memcpy(&four, users + u * stride + s * kInt8Step, sizeof four);
      const __m512i user = _mm512_set1_epi32(four);
#pragma GCC unroll 4
      for (std::size_t v = 0; v < kVectors; ++v) {
        // The intrinsic makes g++ 12 copy and spill the sums.
        asm("vpdpbusd %2, %1, %0" : "+v"(sums.of[u][v]) : "v"(items[v]), "v"(user));
      }
    }
  }
}

}  // namespace

bool has_int8_panels() noexcept {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("avx512vnni") != 0;
}

PENCHANT_VNNI unsigned int8_panel_masks(const std::uint8_t* panel, std::size_t steps, const std::int8_t* users,
                                        std::size_t stride, const std::int32_t* start, const std::int32_t* least,
                                        std::uint64_t* masks) noexcept {
  Sums sums;
  add_up(panel, steps, users, stride, start, sums);
  unsigned hit = 0;
#pragma GCC unroll 6
  for (std::size_t u = 0; u < kInt8Users; ++u) {
    const __m512i bar = _mm512_set1_epi32(least[u]);
    std::uint64_t mask = 0;
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kVectors; ++v)
      mask |= static_cast<std::uint64_t>(_mm512_cmpge_epi32_mask(sums.of[u][v], bar)) << (16 * v);
    masks[u] = mask;
    hit |= static_cast<unsigned>(mask != 0) << u;
  }
  return hit;
}

PENCHANT_VNNI void int8_panel_maxima(const std::uint8_t* panel, std::size_t steps, const std::int8_t* users,
                                     std::size_t stride, const std::int32_t* start,
                                     std::int32_t* most) noexcept {
  Sums sums;
  add_up(panel, steps, users, stride, start, sums);
#pragma GCC unroll 6
  for (std::size_t u = 0; u < kInt8Users; ++u)
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kVectors; ++v) {
      std::int32_t* place = most + u * kInt8Panel + 16 * v;
      _mm512_storeu_si512(place, _mm512_maskz_max_epi32(0xFFFF, _mm512_loadu_si512(place), sums.of[u][v]));
    }
}

#undef PENCHANT_VNNI
#else

bool has_int8_panels() noexcept { return false; }
unsigned int8_panel_masks(const std::uint8_t*, std::size_t, const std::int8_t*, std::size_t,
                          const std::int32_t*, const std::int32_t*, std::uint64_t*) noexcept {
  return 0;
}
void int8_panel_maxima(const std::uint8_t*, std::size_t, const std::int8_t*, std::size_t,
                       const std::int32_t*, std::int32_t*) noexcept {}

#endif

}  // namespace penchant::kernels
