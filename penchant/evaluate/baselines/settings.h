#pragma once
/// \file The settings of one baseline: parsed, checked, defaults filled in. Layer 6.
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/result.h"
#include "penchant/evaluate/baselines/registry.h"

namespace penchant::evaluate {

/// A value for every setting of a baseline. A plain value; threads: const access is safe.
class SettingValues {
 public:
  /// \param given "name=value"; a name given twice takes the last value
  /// \return invalid_argument naming the known settings, or the value and what is accepted
  static Result<SettingValues> parse(const BaselineInfo& info, std::span<const std::string> given);

  /// Value of a setting that the baseline has; InternalError for any other name.
  [[nodiscard]] double number(std::string_view name) const;
  [[nodiscard]] float real(std::string_view name) const { return static_cast<float>(number(name)); }
  [[nodiscard]] std::size_t count(std::string_view name) const {
    return static_cast<std::size_t>(number(name));
  }
  /// "name=value" of every setting, in the order of the baseline.
  [[nodiscard]] std::vector<std::string> words() const;

 private:
  std::span<const Setting> settings_;  ///< static tables of the registry
  std::vector<double> values_;         ///< [settings]
};

}  // namespace penchant::evaluate
