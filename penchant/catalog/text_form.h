#pragma once
/// \file Small facts about UTF-8 text: validity, cutting at a character, case folding, near names.
/// Layer 2.
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace penchant::catalog {

/// Well-formed UTF-8 (no overlong forms, no surrogates, nothing above U+10FFFF).
[[nodiscard]] bool valid_utf8(std::string_view text) noexcept;

/// The longest prefix of at most `max_bytes` that ends at a character of valid UTF-8.
[[nodiscard]] std::string_view cut_utf8(std::string_view text, std::size_t max_bytes) noexcept;

/// Reads each byte as Windows-1252 (the superset of Latin-1 that files in the wild mean).
[[nodiscard]] std::string latin1_to_utf8(std::string_view bytes);

/// Unicode case folding (full, not locale-dependent): equal results mean "equal but for case".
/// Invalid UTF-8 is folded byte by byte in the ASCII range.
[[nodiscard]] std::string fold_case(std::string_view text);

/// Up to `max` of `known` that look like `wanted` (edit distance, prefix, or inclusion, ignoring
/// case), best first. For "did you mean" in messages.
[[nodiscard]] std::vector<std::string> near_names(std::string_view wanted, std::span<const std::string> known,
                                                  std::size_t max = 3);

/// "; near names: a, b" or, without any, "; known: a, b, …" (first eight); empty if none known.
[[nodiscard]] std::string near_names_hint(std::string_view wanted, std::span<const std::string> known);

/// The whole text as a finite number ("12", "-3.5", "1e3"); false when it is anything else.
[[nodiscard]] bool parse_number(std::string_view text, double& out) noexcept;

/// Shortest decimal form that reads back as the same double; whole numbers without a point.
[[nodiscard]] std::string number_text(double value);

/// For messages: at most `max_bytes`, control characters as spaces, "…" where it was cut.
[[nodiscard]] std::string quoted_for_message(std::string_view text, std::size_t max_bytes = 60);

}  // namespace penchant::catalog
