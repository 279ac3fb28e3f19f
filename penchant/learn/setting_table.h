#pragma once
/// \file Settings of a training run as "name=value". Layer 5, of *options.cc alone.
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "penchant/base/result.h"

namespace penchant::learn {

/// Where a setting lives in its options.
template <class Options>
struct SettingField {
  std::string_view name;
  std::variant<std::uint32_t Options::*, double Options::*, bool Options::*> member;
};

template <class T>
bool parse_whole(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

/// \return invalid_argument naming the known settings, or the value that is none
template <class Options, std::size_t n>
Status apply_setting(Options& options, std::string_view setting, const std::array<SettingField<Options>, n>& fields) {
  const auto equals = setting.find('=');
  const std::string_view name = setting.substr(0, equals);
  const std::string_view value = equals == std::string_view::npos ? "" : setting.substr(equals + 1);
  for (const auto& known : fields) {
    if (known.name != name) continue;
    bool good = false;
    if (const auto* whole = std::get_if<0>(&known.member)) good = parse_whole(value, options.*(*whole));
    else if (const auto* real = std::get_if<1>(&known.member)) good = parse_whole(value, options.*(*real));
    else if ((good = value == "true" || value == "1")) options.*std::get<2>(known.member) = true;
    else if ((good = value == "false" || value == "0")) options.*std::get<2>(known.member) = false;
    if (good) return {};
    return invalid("setting " + std::string(name) + ": \"" + std::string(value) + "\" is no value for it");
  }
  std::string names;
  for (const auto& known : fields) names.append(names.empty() ? "" : ", ").append(known.name);
  return invalid("setting \"" + std::string(setting) + "\" is not known; write name=value with one of " + names);
}

/// Every setting as "name=value"; applied again they give the same options.
template <class Options, std::size_t n>
std::vector<std::string> settings_of(const Options& options, const std::array<SettingField<Options>, n>& fields) {
  std::vector<std::string> out;
  for (const auto& known : fields) {
    std::string value;
    if (const auto* whole = std::get_if<0>(&known.member)) value = std::to_string(options.*(*whole));
    else if (const auto* flag = std::get_if<2>(&known.member)) value = options.*(*flag) ? "true" : "false";
    else {
      char digits[32];
      const auto [end, error] = std::to_chars(digits, digits + sizeof digits, options.*std::get<1>(known.member));
      value.assign(digits, end);
    }
    out.push_back(std::string(known.name) + "=" + value);
  }
  return out;
}

inline Status in_range(const char* name, double value, double low, double high) {
  if (std::isfinite(value) && value >= low && value <= high) return {};
  return invalid(std::string(name) + " is " + std::to_string(value) + "; it must be from " +
                 std::to_string(low) + " to " + std::to_string(high));
}

}  // namespace penchant::learn
