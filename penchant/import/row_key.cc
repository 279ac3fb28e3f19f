#include "penchant/import/row_key.h"

#include <bit>
#include <cstdio>
#include <cstring>

namespace penchant::import {
namespace {

struct Sip {
  std::uint64_t v0, v1, v2, v3;
  void round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
};

}  // namespace

std::array<std::uint64_t, 2> siphash128(std::string_view bytes) noexcept {
  constexpr std::uint64_t k0 = 0x0706050403020100ULL, k1 = 0x0f0e0d0c0b0a0908ULL;
  Sip s{k0 ^ 0x736f6d6570736575ULL, k1 ^ 0x646f72616e646f6dULL ^ 0xee, k0 ^ 0x6c7967656e657261ULL,
        k1 ^ 0x7465646279746573ULL};
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, 8);
    s.v3 ^= word;
    s.round();
    s.round();
    s.v0 ^= word;
  }
  std::uint64_t last = static_cast<std::uint64_t>(bytes.size()) << 56;
  for (std::size_t i = 0; at + i < bytes.size(); ++i)
    last |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  s.v3 ^= last;
  s.round();
  s.round();
  s.v0 ^= last;
  s.v2 ^= 0xee;
  for (int i = 0; i < 4; ++i) s.round();
  const std::uint64_t first = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
  s.v1 ^= 0xdd;
  for (int i = 0; i < 4; ++i) s.round();
  return {first, s.v0 ^ s.v1 ^ s.v2 ^ s.v3};
}

std::string RowKeys::key_of(std::string_view content) {
  auto hash = siphash128(content);
  const std::uint32_t occurrence = seen_[hash[0]]++;
  if (occurrence > 0) {
    char again[40];
    const int n =
        std::snprintf(again, sizeof again, "%016llx%u", static_cast<unsigned long long>(hash[1]), occurrence);
    hash = siphash128(std::string(content) + '\x1e' + std::string(again, static_cast<std::size_t>(n)));
  }
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string key = "i";
  std::uint64_t high = hash[0], low = hash[1];
  for (int i = 0; i < 10; ++i, high >>= 6) key.push_back(kDigits[high & 63]);
  for (int i = 0; i < 6; ++i, low >>= 6) key.push_back(kDigits[low & 63]);
  return key;
}

}  // namespace penchant::import
