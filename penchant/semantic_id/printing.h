#pragma once
/// \file Numbers, lines and JSON of the reports. Layer 3, internal.
#include <charconv>
#include <cmath>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace penchant::semantic_id {

/// Six digits in any locale; "null" where it is not finite.
inline std::string number(double value) {
  if (!std::isfinite(value)) return "null";
  char text[64];  // to_chars: no locale
  return {text, std::to_chars(text, text + sizeof text, value, std::chars_format::general, 6).ptr};
}

/// As printf, at most 159 bytes.
template <class... Args>
std::string line(const char* format, Args... args) {
  char text[160];
  std::snprintf(text, sizeof text, format, args...);
  return text;
}

/// A JSON text with its quotes.
inline std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) out += line("\\u%04x", static_cast<unsigned>(c));
    else out += c;
  }
  return out + "\"";
}

/// Writes "name":value pairs of one object.
class JsonObject {
 public:
  JsonObject& add(const char* name, const std::string& raw) {
    text_ += text_.size() > 1 ? ",\"" : "\"";
    text_.append(name).append("\":").append(raw);
    return *this;
  }
  JsonObject& add(const char* name, double value) { return add(name, number(value)); }
  JsonObject& add(const char* name, std::size_t value) { return add(name, std::to_string(value)); }
  JsonObject& add(const char* name, bool value) { return add(name, std::string(value ? "true" : "false")); }
  [[nodiscard]] std::string str() const { return text_ + "}"; }

 private:
  std::string text_ = "{";
};

template <class Values, class F>
std::string json_array(const Values& values, const F& write) {
  std::string text = "[";
  for (const auto& value : values) text.append(text.size() > 1 ? "," : "").append(write(value));
  return text + "]";
}

}  // namespace penchant::semantic_id
