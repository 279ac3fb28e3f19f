#pragma once
/// \file Code points in and out of UTF-8, over ICU. Layer 2, inner: sources only.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penchant::text {

inline constexpr std::uint32_t kReplacement = 0xfffd;

/// Reads one code point at `at` and moves `at` behind it. A byte that starts no valid sequence
/// gives kReplacement and moves by the length of the broken prefix (at least one byte).
std::uint32_t next_code_point(std::string_view text, std::size_t& at);
void append_utf8(std::string& out, std::uint32_t code_point);

enum class NormalForm : std::uint8_t { nfc, nfd, nfkd_casefold };
/// Normalises code points; nfkd_casefold decomposes the full case folding.
std::vector<std::uint32_t> normalise(const std::vector<std::uint32_t>& text, NormalForm form);

}  // namespace penchant::text
