#include "penchant/net/url.h"

namespace penchant::net {

namespace {

constexpr std::size_t kMaxParameters = 100;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

}  // namespace

Result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0)
        return invalid("the address has '%' without two hexadecimal digits after it; write a "
                       "literal percent sign as %25");
      if (high == 0 && low == 0) return invalid("the address has an encoded zero byte (%00)");
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (unreserved(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

Result<Target> parse_target(std::string_view target) {
  if (target == "*") return Target{"*", {}};
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    const auto slash = target.find_first_of("/?", scheme.size());
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
    break;
  }
  if (const auto hash = target.find('#'); hash != std::string_view::npos) target = target.substr(0, hash);
  if (!target.starts_with('/')) return invalid("the request target must start with '/'");
  Target out;
  const auto mark = target.find('?');
  out.path = target.substr(0, mark);
  std::string_view rest = mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
  while (!rest.empty()) {
    const auto end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    if (pair.empty()) continue;
    if (out.query.size() == kMaxParameters)
      return invalid("more than " + std::to_string(kMaxParameters) + " query parameters");
    const auto equals = pair.find('=');
    PENCHANT_TRY(name, percent_decode(pair.substr(0, equals), true));
    PENCHANT_TRY(value, percent_decode(
        equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1), true));
    out.query.emplace_back(std::move(name), std::move(value));
  }
  return out;
}

}  // namespace penchant::net
