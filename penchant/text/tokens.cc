#include "penchant/text/tokens.h"

#include <unicode/uchar.h>
#include <unicode/uscript.h>

#include <algorithm>
#include <cstdint>
#include <optional>

#include "penchant/text/html_entities.h"
#include "penchant/text/unicode.h"

namespace penchant::text {
namespace {

constexpr std::size_t kLongestEntity = 10;  // bytes between '&' and ';': "thetasym", "#x0010ffff"

/// True if some character of several bytes is well-formed: the text means to be UTF-8.
bool has_multibyte(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    if (next_code_point(text, at) != kReplacement && at - begin > 1) return true;
  }
  return false;
}

std::vector<std::uint32_t> decode(std::string_view text) {
  std::vector<std::uint32_t> out;
  out.reserve(text.size());
  std::optional<bool> utf8;  // asked only when a byte is wrong
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const auto c = next_code_point(text, at);
    const bool broken = c == kReplacement && text.substr(begin, at - begin) != "\xef\xbf\xbd";
    if (broken && !utf8) utf8 = has_multibyte(text);
    if (broken && !*utf8) {
      for (std::size_t i = begin; i < at; ++i)
        out.push_back(windows_1252(static_cast<unsigned char>(text[i])));
    } else {
      out.push_back(c);
    }
  }
  return out;
}

void unescape(std::vector<std::uint32_t>& text) {
  std::size_t to = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::uint32_t c = text[i];
    if (c == '&') {
      std::string name;
      std::size_t end = i + 1;
      while (end < text.size() && name.size() < kLongestEntity && text[end] > 0x20 && text[end] < 0x7f &&
             text[end] != ';' && text[end] != '&')
        name.push_back(static_cast<char>(text[end++]));
      if (end < text.size() && text[end] == ';') {
        if (const auto found = entity_code_point(name)) {
          c = *found;
          i = end;
        }
      }
    }
    text[to++] = c;
  }
  text.resize(to);
}

/// Characters that show nothing and may deceive: controls, direction marks and overrides,
/// zero-width space, word joiner, byte order mark, soft hyphen, tag characters (they can carry a
/// text that nobody sees). The joiners U+200C and U+200D stay: scripts and emoji need them.
bool is_dropped(std::uint32_t c) {
  if (c == 0x200c || c == 0x200d) return false;
  const auto category = u_charType(static_cast<UChar32>(c));
  return category == U_CONTROL_CHAR || category == U_FORMAT_CHAR || category == U_SURROGATE ||
         U_IS_UNICODE_NONCHAR(c);
}

bool is_space(std::uint32_t c) { return u_isUWhiteSpace(static_cast<UChar32>(c)) != 0; }

bool is_mark(std::uint32_t c) { return (U_GET_GC_MASK(static_cast<UChar32>(c)) & U_GC_M_MASK) != 0; }

bool is_apostrophe(std::uint32_t c) { return c == '\'' || c == 0x2019 || c == 0x02bc; }

bool is_word_character(std::uint32_t c) {
  return (U_GET_GC_MASK(static_cast<UChar32>(c)) & (U_GC_L_MASK | U_GC_N_MASK)) != 0 && c != 0x02bc;
}

/// Scripts written without spaces between words, one character carrying meaning.
bool stands_alone(std::uint32_t c) {
  if (c < 0x2e80) return false;
  UErrorCode status = U_ZERO_ERROR;
  const UScriptCode script = uscript_getScript(static_cast<UChar32>(c), &status);
  return script == USCRIPT_HAN || script == USCRIPT_HIRAGANA || script == USCRIPT_KATAKANA;
}

/// ASCII for letters that Unicode does not decompose; empty for all others.
std::string_view nearest_ascii(std::uint32_t c) {
  switch (c) {
    case 0x00e6: return "ae";
    case 0x00f0: return "d";
    case 0x00f8: return "o";
    case 0x00fe: return "th";
    case 0x0111: return "d";
    case 0x0127: return "h";
    case 0x0131: return "i";
    case 0x0142: return "l";
    case 0x0153: return "oe";
    case 0x0167: return "t";
    case 0x0180: return "b";
    case 0x0268: return "i";
    default: return {};
  }
}

class WordCollector {
 public:
  void add(std::uint32_t c) {
    std::string bytes;
    if (const auto ascii = nearest_ascii(c); !ascii.empty())
      bytes = ascii;
    else
      append_utf8(bytes, c);
    if (stands_alone(c)) {
      end();
      words_.push_back(std::move(bytes));
    } else if (!full_ && word_.size() + bytes.size() <= kMaxSearchToken) {
      word_ += bytes;
    } else {
      full_ = true;
    }
  }
  void end() {
    if (!word_.empty()) words_.push_back(std::move(word_));
    word_.clear();
    full_ = false;
  }
  std::vector<std::string> take() {
    end();
    return std::move(words_);
  }

 private:
  std::vector<std::string> words_;
  std::string word_;
  bool full_ = false;  // the rest of a word past the cap is left out
};

}  // namespace

std::string clean_text(std::string_view text) {
  auto points = decode(text);
  unescape(points);
  // White space first: tab and line feed are controls as well.
  std::erase_if(points, [](std::uint32_t c) { return !is_space(c) && is_dropped(c); });
  const bool ascii = std::all_of(points.begin(), points.end(), [](auto c) { return c < 0x80; });
  if (!ascii) points = normalise(points, NormalForm::nfc);
  std::string out;
  out.reserve(text.size());
  bool gap = false;
  for (const auto c : points) {
    if (is_space(c)) {
      gap = true;
      continue;
    }
    if (gap && !out.empty()) out.push_back(' ');
    gap = false;
    append_utf8(out, c);
  }
  return out;
}

std::vector<std::string> search_tokens(std::string_view text) {
  auto points = decode(text);
  std::erase_if(
      points, [](std::uint32_t c) { return c == 0x200c || c == 0x200d || (!is_space(c) && is_dropped(c)); });
  if (!std::all_of(points.begin(), points.end(), [](auto c) { return c < 0x80; }))
    points = normalise(points, NormalForm::nfkd_casefold);
  WordCollector words;
  for (std::size_t i = 0; i < points.size(); ++i) {
    auto c = points[i];
    if (is_mark(c)) continue;
    if (c < 0x80 && c >= 'A' && c <= 'Z') c += 'a' - 'A';
    if (is_word_character(c)) {
      words.add(c);
      continue;
    }
    const bool inside = is_apostrophe(c) && i > 0 && i + 1 < points.size() &&
                        is_word_character(points[i - 1]) && is_word_character(points[i + 1]);
    if (!inside) words.end();
  }
  return words.take();
}

}  // namespace penchant::text
