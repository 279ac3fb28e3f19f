#pragma once
/// \file Names of HTML character references. Layer 2, inner.
#include <cstdint>
#include <optional>
#include <string_view>

namespace penchant::text {

/// Code point of a character reference without '&' and ';': "amp", "eacute", "#233", "#xE9".
/// nullopt for names we do not know and for numbers that are no character. Numbers 128..159 are
/// read as Windows-1252, as browsers do.
[[nodiscard]] std::optional<std::uint32_t> entity_code_point(std::string_view name);

/// Windows-1252 byte as a code point; the five undefined bytes give U+FFFD.
[[nodiscard]] std::uint32_t windows_1252(unsigned char byte);

}  // namespace penchant::text
