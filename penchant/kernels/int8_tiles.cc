// The products of int8_panels.h by matrix tiles (AMX): 16 users by 16 items by 64 coordinates an
// instruction. A panel [steps][64][4] is four tiles beside one another as it lies in memory.
#include "penchant/kernels/int8_panels.h"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <bit>

namespace penchant::kernels {

#if defined(__x86_64__) && defined(__linux__)
#define PENCHANT_AMX __attribute__((target("amx-tile,amx-int8,avx512f,avx512bw")))

namespace {

constexpr std::size_t kUsers = 16;  ///< rows of a tile
constexpr std::size_t kTileSteps = 16;
constexpr std::size_t kVectors = kInt8Panel / 16;
constexpr std::size_t kStepBytes = kInt8Panel * kInt8Step;
// Tiles 0 to 3 hold sums [16 users][16 items], 4 and 5 users and items, 6 and 7 those of the last,
// shorter steps. The numbers are literals below because they are part of the instruction.

/// Operand of LDTILECFG: Intel 64 and IA-32 Architectures Software Developer's Manual, vol. 2.
struct TileShapes {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};
};
static_assert(sizeof(TileShapes) == 64);

PENCHANT_AMX void begin(std::size_t steps) {
  TileShapes shapes;
  for (std::size_t t = 0; t < 8; ++t) shapes.row_bytes[t] = 64, shapes.rows[t] = 16;
  if (const std::size_t left = steps % kTileSteps; left != 0) {
    shapes.row_bytes[6] = static_cast<std::uint16_t>(left * kInt8Step);
    shapes.rows[7] = static_cast<std::uint8_t>(left);
  }
  // g++ 12 takes the instruction to read eight bytes, and may not write the others.
  asm volatile("" : : "r"(&shapes) : "memory");
  _tile_loadconfig(&shapes);
}

PENCHANT_AMX void end() { _tile_release(); }

/// Sums of 16 users and the panel. \param sums [16][64]
PENCHANT_AMX inline __attribute__((always_inline)) void multiply(const Int8Products& products,
                                                                 std::size_t first,
                                                                 std::int32_t* sums) noexcept {
  constexpr std::size_t kRow = kInt8Panel * sizeof(std::int32_t);
  const std::int8_t* users = products.users + first * products.stride;
  const std::uint8_t* items = products.panel;
  std::size_t left = products.steps;
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (; left >= kTileSteps; left -= kTileSteps) {
    _tile_loadd(4, users, products.stride);
    _tile_loadd(5, items, kStepBytes);
    _tile_dpbsud(0, 4, 5);
    _tile_loadd(5, items + 64, kStepBytes);
    _tile_dpbsud(1, 4, 5);
    _tile_loadd(5, items + 128, kStepBytes);
    _tile_dpbsud(2, 4, 5);
    _tile_loadd(5, items + 192, kStepBytes);
    _tile_dpbsud(3, 4, 5);
    users += kTileSteps * kInt8Step;
    items += kTileSteps * kStepBytes;
  }
  if (left != 0) {
    _tile_loadd(6, users, products.stride);
    _tile_loadd(7, items, kStepBytes);
    _tile_dpbsud(0, 6, 7);
    _tile_loadd(7, items + 64, kStepBytes);
    _tile_dpbsud(1, 6, 7);
    _tile_loadd(7, items + 128, kStepBytes);
    _tile_dpbsud(2, 6, 7);
    _tile_loadd(7, items + 192, kStepBytes);
    _tile_dpbsud(3, 6, 7);
  }
  _tile_stored(0, sums, kRow);
  _tile_stored(1, sums + 16, kRow);
  _tile_stored(2, sums + 32, kRow);
  _tile_stored(3, sums + 48, kRow);
}

/// g++ 12 may spill a mask as two bytes and read eight back, where it is widened by a cast.
PENCHANT_AMX inline __attribute__((always_inline)) std::uint64_t bits_of(__mmask16 mask) noexcept {
  std::uint32_t bits;
  asm("kmovw %1, %0" : "=r"(bits) : "k"(mask));
  return bits;
}

/// g++ 12 warns of an uninitialised operand in the intrinsic without a mask.
PENCHANT_AMX inline __attribute__((always_inline)) __m512i larger(__m512i a, __m512i b) noexcept {
  return _mm512_maskz_max_epi32(0xFFFF, a, b);
}

PENCHANT_AMX std::size_t find(const Int8Products& products, const std::int32_t* least, Int8Hit* hits) {
  alignas(64) std::int32_t sums[kUsers * kInt8Panel];
  std::size_t count = 0;
  for (std::size_t first = 0; first < products.count; first += kUsers) {
    multiply(products, first, sums);
    unsigned reached = 0;  // one comparison of the largest for most users; which items, for few
#pragma GCC unroll 16
    for (std::size_t u = 0; u < kUsers; ++u) {
      const std::int32_t* row = sums + u * kInt8Panel;
      const __m512i low = larger(_mm512_load_si512(row), _mm512_load_si512(row + 16));
      const __m512i high = larger(_mm512_load_si512(row + 32), _mm512_load_si512(row + 48));
      const __mmask16 mask =
          _mm512_cmpge_epi32_mask(larger(low, high), _mm512_set1_epi32(least[first + u]));
      reached |= static_cast<unsigned>(bits_of(mask) != 0) << u;
    }
    for (; reached != 0; reached &= reached - 1) {
      const auto u = static_cast<std::size_t>(std::countr_zero(reached));
      const __m512i bar = _mm512_set1_epi32(least[first + u]);
      std::uint64_t items = 0;
#pragma GCC unroll 4
      for (std::size_t v = 0; v < kVectors; ++v)
        items |= bits_of(_mm512_cmpge_epi32_mask(_mm512_load_si512(sums + u * kInt8Panel + 16 * v), bar))
                 << (16 * v);
      hits[count++] = {static_cast<std::uint32_t>(first + u), items};
    }
  }
  return count;
}

PENCHANT_AMX void maxima(const Int8Products& products, std::int32_t* most) {
  alignas(64) std::int32_t sums[kUsers * kInt8Panel];
  for (std::size_t first = 0; first < products.count; first += kUsers) {
    multiply(products, first, sums);
    std::int32_t* place = most + first * kInt8Panel;
    for (std::size_t at = 0; at < kUsers * kInt8Panel; at += 16)
      _mm512_storeu_si512(place + at, larger(_mm512_loadu_si512(place + at), _mm512_load_si512(sums + at)));
  }
}

constexpr Int8Kernels kAmx{
    .name = "int8 AMX", .users = kUsers, .begin = begin, .end = end, .find = find, .maxima = maxima};

/// The tiles are 8 KiB more for a thread to save: Linux grants them to a process that asks.
bool granted() noexcept {
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM of asm/prctl.h
  constexpr long kTileData = 18;               // its bit in XCR0
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

bool has_tiles() noexcept {
  constexpr unsigned kTileAndInt8 = 3U << 24;  // of leaf 7, EDX
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d & kTileAndInt8) == kTileAndInt8;
}

}  // namespace

const Int8Kernels* amx_kernels() noexcept {
  static const bool usable = __builtin_cpu_supports("avx512f") != 0 &&
                             __builtin_cpu_supports("avx512bw") != 0 && has_tiles() && granted();
  return usable ? &kAmx : nullptr;
}

#undef PENCHANT_AMX
#else

const Int8Kernels* amx_kernels() noexcept { return nullptr; }

#endif

}  // namespace penchant::kernels
