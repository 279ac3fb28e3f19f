#include "penchant/catalog/text_form.h"

#include <unicode/ucasemap.h>
#include <unicode/utypes.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace penchant::catalog {
namespace {

/// Length of the well-formed sequence at text[i], or 0.
std::size_t sequence_length(std::string_view text, std::size_t i) noexcept {
  const auto at = [&](std::size_t k) { return static_cast<unsigned char>(text[k]); };
  const auto tail = [&](std::size_t k) { return k < text.size() && (at(k) & 0xC0) == 0x80; };
  const unsigned char c = at(i);
  if (c < 0x80) return 1;
  if (c < 0xC2) return 0;
  if (c < 0xE0) return tail(i + 1) ? 2 : 0;
  if (c < 0xF0) {
    if (!tail(i + 1) || !tail(i + 2)) return 0;
    if (c == 0xE0 && at(i + 1) < 0xA0) return 0;   // overlong
    if (c == 0xED && at(i + 1) >= 0xA0) return 0;  // surrogate
    return 3;
  }
  if (c > 0xF4 || !tail(i + 1) || !tail(i + 2) || !tail(i + 3)) return 0;
  if (c == 0xF0 && at(i + 1) < 0x90) return 0;
  if (c == 0xF4 && at(i + 1) >= 0x90) return 0;
  return 4;
}

std::string ascii_fold(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

struct CaseMap {
  UErrorCode status = U_ZERO_ERROR;
  UCaseMap* map = ucasemap_open("", U_FOLD_CASE_DEFAULT, &status);
  ~CaseMap() { ucasemap_close(map); }
};

/// Edits (a swap of neighbours counts one) from a to b, at most `limit` + 1.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit) {
  if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) > limit) return limit + 1;
  std::vector<std::size_t> before(a.size() + 1), row(a.size() + 1), next(a.size() + 1);
  for (std::size_t i = 0; i <= a.size(); ++i) row[i] = i;
  for (std::size_t j = 1; j <= b.size(); ++j) {
    next[0] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
      next[i] = std::min({row[i] + 1, next[i - 1] + 1, row[i - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        next[i] = std::min(next[i], before[i - 2] + 1);
    }
    before.swap(row);
    row.swap(next);
  }
  return row[a.size()];
}

}  // namespace

bool valid_utf8(std::string_view text) noexcept {
  std::size_t i = 0;
  while (i < text.size()) {
    std::uint64_t word = 0;  // eight ASCII bytes at a time
    while (i + 8 <= text.size()) {
      std::memcpy(&word, text.data() + i, 8);
      if ((word & 0x8080808080808080ULL) != 0) break;
      i += 8;
    }
    if (i >= text.size()) break;
    const std::size_t n = sequence_length(text, i);
    if (n == 0) return false;
    i += n;
  }
  return true;
}

std::string_view cut_utf8(std::string_view text, std::size_t max_bytes) noexcept {
  if (text.size() <= max_bytes) return text;
  std::size_t end = max_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

std::string latin1_to_utf8(std::string_view bytes) {
  static constexpr std::uint16_t kHigh[32] = {0x20AC, 0xFFFD, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                              0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0xFFFD, 0x017D, 0xFFFD,
                                              0xFFFD, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                              0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0xFFFD, 0x017E, 0x0178};
  std::string out;
  out.reserve(bytes.size() + 8);
  for (const char byte : bytes) {
    const auto c = static_cast<unsigned char>(byte);
    if (c < 0x80) {
      out.push_back(byte);
      continue;
    }
    const std::uint32_t point = c < 0xA0 ? kHigh[c - 0x80] : c;
    if (point < 0x800) {
      out.push_back(static_cast<char>(0xC0 | (point >> 6)));
    } else {
      out.push_back(static_cast<char>(0xE0 | (point >> 12)));
      out.push_back(static_cast<char>(0x80 | ((point >> 6) & 0x3F)));
    }
    out.push_back(static_cast<char>(0x80 | (point & 0x3F)));
  }
  return out;
}

std::string fold_case(std::string_view text) {
  const bool ascii =
      std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (ascii || text.size() > (1U << 30)) return ascii_fold(text);
  thread_local const CaseMap folder;
  if (U_FAILURE(folder.status)) return ascii_fold(text);
  std::string out(text.size() + 16, '\0');
  for (int attempt = 0; attempt < 2; ++attempt) {
    UErrorCode status = U_ZERO_ERROR;
    const std::int32_t n =
        ucasemap_utf8FoldCase(folder.map, out.data(), static_cast<std::int32_t>(out.size()), text.data(),
                              static_cast<std::int32_t>(text.size()), &status);
    if (status == U_BUFFER_OVERFLOW_ERROR) {
      out.resize(static_cast<std::size_t>(n));
      continue;
    }
    if (U_FAILURE(status)) break;
    out.resize(static_cast<std::size_t>(n));
    return out;
  }
  return ascii_fold(text);
}

std::vector<std::string> near_names(std::string_view wanted, std::span<const std::string> known,
                                    std::size_t max) {
  const std::string want = fold_case(wanted.substr(0, 128));
  std::vector<std::pair<std::size_t, std::string>> scored;
  for (const auto& name : known) {
    const std::string have = fold_case(std::string_view(name).substr(0, 128));
    const std::size_t limit = std::max<std::size_t>(1, want.size() / 3);
    std::size_t score = edit_distance(want, have, limit);
    if (score > limit) {
      const bool included = want.size() >= 3 && have.size() >= 3 &&
                            (have.find(want) != std::string::npos || want.find(have) != std::string::npos);
      if (!included) continue;
      score = limit + 1;
    }
    scored.emplace_back(score, name);
  }
  std::sort(scored.begin(), scored.end());
  std::vector<std::string> out;
  for (auto& [score, name] : scored)
    if (out.size() < max) out.push_back(std::move(name));
  return out;
}

std::string near_names_hint(std::string_view wanted, std::span<const std::string> known) {
  if (known.empty()) return {};
  const auto near = near_names(wanted, known);
  std::string out = near.empty() ? "; known: " : "; near names: ";
  const std::size_t shown = near.empty() ? std::min<std::size_t>(known.size(), 8) : near.size();
  for (std::size_t i = 0; i < shown; ++i)
    out.append(i == 0 ? "" : ", ").append(quoted_for_message(near.empty() ? known[i] : near[i]));
  if (near.empty() && known.size() > shown) out.append(", …");
  return out;
}

bool parse_number(std::string_view text, double& out) noexcept {
  if (text.empty() || text.size() > 64) return false;
  if (text.front() == '+') {
    text.remove_prefix(1);
    if (text.empty() || text.front() == '-') return false;
  }
  const char first = text.front() == '-' && text.size() > 1 ? text[1] : text.front();
  if ((first < '0' || first > '9') && first != '.') return false;  // no inf, nan
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return false;
  out = value;
  return true;
}

std::string number_text(double value) {
  char buffer[32];
  if (std::nearbyint(value) == value && std::fabs(value) < 9007199254740992.0) {
    const auto whole = static_cast<long long>(value);
    return {buffer, std::to_chars(buffer, buffer + sizeof buffer, whole).ptr};
  }
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr};
}

std::string quoted_for_message(std::string_view text, std::size_t max_bytes) {
  const std::string_view kept = cut_utf8(text, max_bytes);
  std::string out = valid_utf8(kept) ? std::string(kept) : latin1_to_utf8(kept);
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  if (kept.size() < text.size()) out.append("…");
  return out;
}

}  // namespace penchant::catalog
