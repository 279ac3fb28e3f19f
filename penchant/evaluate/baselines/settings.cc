#include "penchant/evaluate/baselines/settings.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace penchant::evaluate {
namespace {

std::string known_settings(const BaselineInfo& info) {
  std::string known;
  for (const Setting& setting : info.settings)
    known += fmt::format("{}{} ({} to {}, default {})", known.empty() ? "" : ", ", setting.name,
                         setting.least, setting.most, setting.value);
  return known;
}

}  // namespace

Result<SettingValues> SettingValues::parse(const BaselineInfo& info, std::span<const std::string> given) {
  SettingValues values;
  values.settings_ = info.settings;
  for (const Setting& setting : info.settings) values.values_.push_back(setting.value);
  for (const std::string& word : given) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos)
      return invalid(fmt::format("setting \"{}\" of {}: write name=value", word, info.name));
    const std::string_view name = std::string_view(word).substr(0, equals);
    const std::string_view text = std::string_view(word).substr(equals + 1);
    std::size_t s = 0;
    while (s < info.settings.size() && info.settings[s].name != name) ++s;
    if (s == info.settings.size())
      return invalid(info.settings.empty() ? fmt::format("{} has no settings, so not \"{}\"", info.name, name)
                                           : fmt::format("{} has no setting \"{}\"; it has {}", info.name,
                                                         name, known_settings(info)));
    const Setting& setting = info.settings[s];
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
      return invalid(fmt::format("{} of {}: \"{}\" is not a number", name, info.name, text));
    if (setting.whole && value != std::round(value))
      return invalid(fmt::format("{} of {}: {} is not a whole number", name, info.name, value));
    if (setting.whole && setting.step > 1 && std::fmod(value, setting.step) != 0)
      return invalid(
          fmt::format("{} of {}: {} is not a multiple of {}", name, info.name, value, setting.step));
    if (value < setting.least || value > setting.most)
      return invalid(fmt::format("{} of {}: {} is out of range; it is {} to {} ({})", name, info.name, value,
                                 setting.least, setting.most, setting.what));
    values.values_[s] = value;
  }
  return values;
}

double SettingValues::number(std::string_view name) const {
  for (std::size_t s = 0; s < settings_.size(); ++s)
    if (settings_[s].name == name) return values_[s];
  throw InternalError(fmt::format("no setting \"{}\"", name));
}

std::vector<std::string> SettingValues::words() const {
  std::vector<std::string> words;
  for (std::size_t s = 0; s < settings_.size(); ++s)
    words.push_back(fmt::format("{}={}", settings_[s].name, values_[s]));
  return words;
}

}  // namespace penchant::evaluate
