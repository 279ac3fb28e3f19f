#pragma once
/// \file Which settings to try next. Layer 6. Pure functions: the same trials and seed give the same
/// proposal, so that an interrupted search goes on as if it had not been.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "penchant/evaluate/baselines/registry.h"

namespace penchant::evaluate {

/// What was tried and what it was worth.
struct Tried {
  std::vector<double> values;   ///< [settings]
  std::optional<double> score;  ///< higher is better; none: this trial failed
};

/// The search box: one axis per setting, [low, high], linear or logarithmic.
/// Threads: const access is safe; `settings` must outlive it.
class TuneSpace {
 public:
  /// Settings with low < high; the others have nothing to search.
  explicit TuneSpace(std::vector<Setting> settings) : settings_(std::move(settings)) {}
  [[nodiscard]] std::size_t axes() const noexcept { return settings_.size(); }
  [[nodiscard]] std::span<const Setting> settings() const noexcept { return settings_; }
  [[nodiscard]] std::vector<double> defaults() const;
  /// Values at a point of the unit cube [axes]: whole numbers in their steps where asked, else three digits.
  [[nodiscard]] std::vector<double> at(std::span<const double> unit) const;
  /// Nearest point of the unit cube.
  [[nodiscard]] std::vector<double> unit_of(std::span<const double> values) const;

 private:
  std::vector<Setting> settings_;
};

/// The next values to try: the defaults; then points of the quasi-random R sequence (Roberts 2018),
/// which fills the box evenly whatever its dimension; from trial 2 * axes + 3 (at most 13) on, two of
/// three proposals step away from the best trial so far, by a normal step on some of the axes whose
/// size grows by half after a gain and shrinks by an eighth after a miss, and the third goes on filling.
/// Never proposes what was tried before.
/// \return nullopt when nothing new is found: the box is exhausted
std::optional<std::vector<double>> propose(const TuneSpace& space, std::span<const Tried> tried, std::uint64_t seed);

}  // namespace penchant::evaluate
