#pragma once
/// \file Every baseline by name, with its settings: what `penchant eval` and `penchant tune` list. Layer 6.
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/result.h"
#include "penchant/evaluate/model.h"

namespace penchant::evaluate {

/// A number that changes what a baseline learns, and where `penchant tune` looks for a better one.
struct Setting {
  std::string_view name;       ///< as in name=value
  double value = 0;            ///< default, found on validation data
  double low = 0, high = 0;    ///< search range
  double least = 0, most = 0;  ///< what is accepted
  bool logarithmic = false;    ///< searched on a logarithmic scale
  bool whole = false;          ///< rounded to a whole number
  std::string_view what;       ///< one phrase for help and reports
  double step = 1;             ///< of a whole number: a multiple of this
};

/// What content vectors are to a model.
enum class ContentUse : std::uint8_t {
  none,
  welcome,  ///< better with them
  needed,   ///< refused without
};

struct BaselineInfo {
  std::string_view name;  ///< "ease"
  std::string_view what;  ///< one line: method and paper
  bool trained = false;   ///< by penchant-train, in its own process
  ContentUse content = ContentUse::none;
  std::span<const Setting> settings;
};

/// Where trained baselines live and who trains them.
struct BaselineContext {
  std::string trainer;  ///< path of penchant-train; empty: trained baselines are unavailable
  std::string
      cache_folder;  ///< trained models are kept here by data, settings and seed; empty: a temporary folder
  std::uint32_t threads = 0;  ///< of the trainer; 0: all
};

/// All baselines, simplest first.
[[nodiscard]] std::span<const BaselineInfo> baselines() noexcept;
/// Null for an unknown name.
[[nodiscard]] const BaselineInfo* find_baseline(std::string_view name) noexcept;

/// A fresh, unfitted baseline.
/// \param settings "name=value", over the defaults; of a name given twice the last counts
/// \return invalid_argument naming the known baselines, the known settings, or the value and its range
Result<std::unique_ptr<Model>> make_baseline(std::string_view name,
                                             std::span<const std::string> settings = {},
                                             const BaselineContext& context = {});

}  // namespace penchant::evaluate
