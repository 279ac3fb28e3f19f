#pragma once
/// \file Text as people give it, made fit to store, show and search. Layer 2.
/// Threads: pure functions, safe from any thread. Invalid UTF-8 never fails: it is repaired.
#include <string>
#include <string_view>
#include <vector>

namespace penchant::text {

/// Text for storing and showing: HTML entities unescaped once ("&amp;eacute;" stays "&eacute;"),
/// Unicode NFC, control characters and invisible direction marks dropped, every run of white space
/// one space, none at the ends. Tags are kept: they are text.
/// Bytes that are not UTF-8: in a text without any valid multi-byte character they are read as
/// Windows-1252 ("Mis\xe9rables" -> "Misérables"); otherwise each becomes U+FFFD. The result is valid
/// UTF-8, and clean_text(clean_text(x)) differs from clean_text(x) only by a second unescaping.
[[nodiscard]] std::string clean_text(std::string_view text);

/// Words for searching, in order: maximal runs of letters and digits, case and compatibility folded
/// (full case folding and NFKD), accents and other marks dropped, letters without a decomposition
/// mapped to their nearest ASCII (ø -> o, ł -> l, ß -> ss, ı -> i). An apostrophe inside a word is
/// dropped ("Schindler's" -> "schindlers"). A Han or kana character is a word by itself.
/// A word longer than kMaxSearchToken bytes is cut there, at a character boundary.
[[nodiscard]] std::vector<std::string> search_tokens(std::string_view text);

inline constexpr std::size_t kMaxSearchToken = 128;  ///< bytes of one search token

}  // namespace penchant::text
