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

constexpr std::size_t kUsers = 6;  ///< with four vectors of items: 24 sums in registers
constexpr std::size_t kVectors = kInt8Panel / 16;

struct Sums {
  __m512i of[kUsers][kVectors];
};

/// Everything unrolled, so that the sums stay in registers.
PENCHANT_VNNI inline __attribute__((always_inline)) void add_up(const Int8Products& products, std::size_t first,
                                                                Sums& sums) noexcept {
#pragma GCC unroll 6
  for (std::size_t u = 0; u < kUsers; ++u)
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kVectors; ++v) sums.of[u][v] = _mm512_setzero_si512();
  const std::int8_t* users = products.users + first * products.stride;
  const std::size_t stride = products.stride;
  for (std::size_t s = 0; s < products.steps; ++s) {
    __m512i items[kVectors];
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kVectors; ++v)
      items[v] = _mm512_loadu_si512(products.panel + (s * kVectors + v) * 64);
#pragma GCC unroll 6
    for (std::size_t u = 0; u < kUsers; ++u) {
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

/// g++ 12 may spill a mask as two bytes and read eight back, where it is widened by a cast.
PENCHANT_VNNI inline __attribute__((always_inline)) std::uint64_t bits_of(__mmask16 mask) noexcept {
  std::uint32_t bits;
  asm("kmovw %1, %0" : "=r"(bits) : "k"(mask));
  return bits;
}

PENCHANT_VNNI std::size_t find(const Int8Products& products, const std::int32_t* least, Int8Hit* hits) {
  std::size_t count = 0;
  for (std::size_t first = 0; first < products.count; first += kUsers) {
    Sums sums;
    add_up(products, first, sums);
#pragma GCC unroll 6
    for (std::size_t u = 0; u < kUsers; ++u) {
      const __m512i bar = _mm512_set1_epi32(least[first + u]);
      std::uint64_t items = 0;
#pragma GCC unroll 4
      for (std::size_t v = 0; v < kVectors; ++v)
        items |= bits_of(_mm512_cmpge_epi32_mask(sums.of[u][v], bar)) << (16 * v);
      if (items != 0) hits[count++] = {static_cast<std::uint32_t>(first + u), items};
    }
  }
  return count;
}

PENCHANT_VNNI void maxima(const Int8Products& products, std::int32_t* most) {
  for (std::size_t first = 0; first < products.count; first += kUsers) {
    Sums sums;
    add_up(products, first, sums);
#pragma GCC unroll 6
    for (std::size_t u = 0; u < kUsers; ++u)
#pragma GCC unroll 4
      for (std::size_t v = 0; v < kVectors; ++v) {
        std::int32_t* place = most + (first + u) * kInt8Panel + 16 * v;
        _mm512_storeu_si512(place,
                            _mm512_maskz_max_epi32(0xFFFF, _mm512_loadu_si512(place), sums.of[u][v]));
      }
  }
}

constexpr Int8Kernels kVnni{.name = "int8 VNNI",
                            .users = kUsers,
                            .begin = [](std::size_t) {},
                            .end = [] {},
                            .find = find,
                            .maxima = maxima};

}  // namespace

const Int8Kernels* vnni_kernels() noexcept {
  const bool has = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
                   __builtin_cpu_supports("avx512vnni") != 0;
  return has ? &kVnni : nullptr;
}

#undef PENCHANT_VNNI
#else

const Int8Kernels* vnni_kernels() noexcept { return nullptr; }

#endif

}  // namespace penchant::kernels
