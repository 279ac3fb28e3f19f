#include "penchant/catalog/time.h"

#include <cmath>
#include <cstdio>

#include "penchant/catalog/text_form.h"

namespace penchant::catalog {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kMinMs = -2'208'988'800'000;  // 1900-01-01
constexpr std::int64_t kMaxMs = 7'258'118'400'000;   // 2200-01-01

/// Days from 1970-01-01 to a date of the Gregorian calendar (eras of 400 years).
std::int64_t days_from_civil(std::int64_t y, int m, int d) {
  y -= m <= 2 ? 1 : 0;
  const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
  const std::int64_t yoe = y - era * 400;
  const std::int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
  return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

/// Reads left to right; every take_* returns false without moving when the text does not fit.
struct Cursor {
  std::string_view rest;
  bool take(char c) {
    if (rest.empty() || rest.front() != c) return false;
    rest.remove_prefix(1);
    return true;
  }
  bool take_digits(std::size_t min, std::size_t max, int& out) {
    std::size_t n = 0;
    int value = 0;
    while (n < max && n < rest.size() && rest[n] >= '0' && rest[n] <= '9')
      value = value * 10 + (rest[n++] - '0');
    if (n < min) return false;
    rest.remove_prefix(n);
    out = value;
    return true;
  }
};

bool take_zone(Cursor& at, std::int64_t& offset_ms) {
  while (at.take(' ')) {
  }
  if (at.rest.empty()) return true;
  if (at.rest == "Z" || at.rest == "z" || at.rest == "UTC" || at.rest == "GMT") {
    at.rest = {};
    return true;
  }
  const int sign = at.take('+') ? 1 : at.take('-') ? -1 : 0;
  int hours = 0, minutes = 0;
  if (sign == 0 || !at.take_digits(2, 2, hours)) return false;
  at.take(':');
  if (!at.rest.empty() && !at.take_digits(2, 2, minutes)) return false;
  if (!at.rest.empty() || hours > 18 || minutes > 59) return false;
  offset_ms = sign * (hours * 60 + minutes) * 60'000LL;
  return true;
}

bool parse_calendar(std::string_view text, std::int64_t& out) {
  Cursor at{text};
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!at.take_digits(4, 4, year)) return false;
  const char separator = at.rest.empty() ? '\0' : at.rest.front();
  if (separator == '-' || separator == '/') {
    at.take(separator);
    if (!at.take_digits(1, 2, month) || !at.take(separator) || !at.take_digits(1, 2, day)) return false;
  } else if (!at.take_digits(2, 2, month) || !at.take_digits(2, 2, day)) {
    return false;
  }
  static constexpr int kDays[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (month < 1 || month > 12 || day < 1 || day > kDays[month - 1]) return false;
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  if (month == 2 && day == 29 && !leap) return false;
  std::int64_t ms = days_from_civil(year, month, day) * kDayMs, fraction_ms = 0, offset_ms = 0;
  if (at.take('T') || at.take('t') || at.take(' ')) {
    if (at.take_digits(1, 2, hour)) {
      if (!at.take(':') || !at.take_digits(2, 2, minute)) return false;
      if (at.take(':') && !at.take_digits(2, 2, second)) return false;
      if (at.take('.') || at.take(',')) {
        int scale = 100, digit = 0, digits = 0;
        while (at.take_digits(1, 1, digit)) {
          fraction_ms += digit * scale;
          scale /= 10;
          ++digits;
        }
        if (digits == 0) return false;
      }
    }
    if (!take_zone(at, offset_ms)) return false;
  }
  if (!at.rest.empty() || hour > 24 || minute > 59 || second > 60) return false;
  if (hour == 24 && (minute != 0 || second != 0)) return false;
  out = ms + ((hour * 60LL + minute) * 60 + second) * 1000 + fraction_ms - offset_ms;
  return true;
}

Error not_a_time(std::string_view text) {
  return invalid(
      "'" + quoted_for_message(text) +
      "' is not a time: give epoch seconds or milliseconds, or ISO 8601 such as 2024-05-31T12:00:00Z");
}

}  // namespace

Result<std::int64_t> epoch_to_ms(double value) {
  if (!std::isfinite(value)) return not_a_time("not a finite number");
  const double size = std::fabs(value);
  double ms = value;
  if (size < 1e11)
    ms = value * 1e3;
  else if (size < 1e14)
    ms = value;
  else if (size < 1e17)
    ms = value / 1e3;
  else
    ms = value / 1e6;
  ms = std::floor(ms + 0.5);
  if (ms < static_cast<double>(kMinMs) || ms >= static_cast<double>(kMaxMs))
    return not_a_time(number_text(value));
  return static_cast<std::int64_t>(ms);
}

Result<std::int64_t> parse_time_ms(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  std::int64_t out = 0;
  if (text.size() == 8 && text.find_first_not_of("0123456789") == std::string_view::npos &&
      (text.starts_with("19") || text.starts_with("20")) && parse_calendar(text, out))
    return out;
  if (double number = 0; parse_number(text, number)) {
    auto ms = epoch_to_ms(number);
    return ms.ok() ? std::move(ms) : Result<std::int64_t>(not_a_time(text));
  }
  if (text.size() >= 8 && text.size() <= 48 && parse_calendar(text, out) && out >= kMinMs && out < kMaxMs)
    return out;
  return not_a_time(text);
}

std::string format_time(std::int64_t time_ms) {
  std::int64_t days = time_ms / kDayMs, rest = time_ms % kDayMs;
  if (rest < 0) {
    rest += kDayMs;
    --days;
  }
  const std::int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
  const std::int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const std::int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
  const std::int64_t day = doy - (153 * mp + 2) / 5 + 1, month = mp < 10 ? mp + 3 : mp - 9;
  const std::int64_t year = yoe + era * 400 + (month <= 2 ? 1 : 0);
  char buffer[96];
  const int n =
      std::snprintf(buffer, sizeof buffer, "%04lld-%02lld-%02lldT%02lld:%02lld:%02lld.%03lldZ",
                    static_cast<long long>(year), static_cast<long long>(month), static_cast<long long>(day),
                    static_cast<long long>(rest / 3'600'000), static_cast<long long>(rest / 60'000 % 60),
                    static_cast<long long>(rest / 1000 % 60), static_cast<long long>(rest % 1000));
  return {buffer, static_cast<std::size_t>(n)};
}

}  // namespace penchant::catalog
