#include "penchant/evaluate/tune/search.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "penchant/base/rng.h"

namespace penchant::evaluate {
namespace {

constexpr double kFirstRadius = 0.2, kLeastRadius = 0.01, kMostRadius = 0.35;
constexpr std::size_t kAttempts = 200;

double three_digits(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return std::strtod(text, nullptr);
}

/// As the setting takes it: whole numbers in its steps, others with three digits, inside the box.
double taken(const Setting& setting, double value) {
  const double step = setting.step > 0 ? setting.step : 1;
  return std::clamp(setting.whole ? step * std::round(value / step) : three_digits(value), setting.low, setting.high);
}

/// Trials before the first step away from the best one.
std::size_t first_trials(std::size_t axes) { return 1 + std::min<std::size_t>(2 * axes + 2, 12); }

bool steps(std::size_t trial, std::size_t first) { return trial >= first && (trial - first) % 3 != 2; }

/// Point n of the R sequence: multiples of powers of 1 / g, g the root of g^(d+1) = g + 1.
std::vector<double> quasi_random(std::size_t n, std::size_t axes, std::uint64_t seed) {
  double g = 1.5;
  for (int i = 0; i < 64; ++i) g = std::pow(1 + g, 1.0 / (static_cast<double>(axes) + 1));
  Rng rng(seed);
  std::vector<double> point(axes);
  double step = 1;
  for (auto& x : point) {
    step /= g;
    const double moved = rng.uniform() + static_cast<double>(n + 1) * step;
    x = moved - std::floor(moved);
  }
  return point;
}

double normal(Rng& rng) {
  const double u = 1 - rng.uniform(), v = rng.uniform();
  return std::sqrt(-2 * std::log(u)) * std::cos(6.283185307179586 * v);
}

/// How far to step now, from what steps have brought so far.
double radius_after(std::span<const Tried> tried, std::size_t first) {
  double best = -1e300, radius = kFirstRadius;
  for (std::size_t t = 0; t < tried.size(); ++t) {
    const double score = tried[t].score.value_or(-1e300);
    const bool better = score > best;
    if (steps(t, first)) radius = std::clamp(radius * (better ? 1.5 : 0.87), kLeastRadius, kMostRadius);
    else if (better) radius = kFirstRadius;  // a new place to start from
    best = std::max(best, score);
  }
  return radius;
}

std::vector<double> step_from(const TuneSpace& space, const Tried& best, double radius, Rng& rng) {
  auto unit = space.unit_of(best.values);
  const double share = std::max(0.5, 1.0 / static_cast<double>(space.axes()));
  std::vector<bool> moves(space.axes());
  for (std::size_t a = 0; a < moves.size(); ++a) moves[a] = rng.uniform() < share;
  moves[rng.below(moves.size())] = true;
  for (std::size_t a = 0; a < unit.size(); ++a) {
    if (!moves[a]) continue;
    double x = unit[a] + radius * normal(rng);
    if (x < 0) x = std::min(-x, 1.0);  // reflect at the walls
    if (x > 1) x = std::max(2 - x, 0.0);
    unit[a] = x;
  }
  auto values = space.at(unit);
  for (std::size_t a = 0; a < values.size(); ++a) {  // a whole axis moves by at least its step
    const Setting& setting = space.settings()[a];
    if (!moves[a] || !setting.whole || values[a] != best.values[a]) continue;
    const double step = setting.step > 0 ? setting.step : 1;
    const double next = values[a] + (rng.below(2) == 0 ? step : -step);
    if (next >= setting.low && next <= setting.high) values[a] = next;
  }
  return values;
}

}  // namespace

std::vector<double> TuneSpace::defaults() const {
  std::vector<double> values;
  for (const auto& setting : settings_) values.push_back(setting.value);
  return values;
}

std::vector<double> TuneSpace::at(std::span<const double> unit) const {
  std::vector<double> values;
  for (std::size_t a = 0; a < settings_.size(); ++a) {
    const Setting& s = settings_[a];
    const double value = s.logarithmic ? s.low * std::pow(s.high / s.low, unit[a]) : s.low + unit[a] * (s.high - s.low);
    values.push_back(taken(s, value));
  }
  return values;
}

std::vector<double> TuneSpace::unit_of(std::span<const double> values) const {
  std::vector<double> unit;
  for (std::size_t a = 0; a < settings_.size(); ++a) {
    const Setting& s = settings_[a];
    const double value = std::clamp(values[a], s.low, s.high);
    unit.push_back(s.logarithmic ? std::log(value / s.low) / std::log(s.high / s.low) : (value - s.low) / (s.high - s.low));
  }
  return unit;
}

std::optional<std::vector<double>> propose(const TuneSpace& space, std::span<const Tried> tried, std::uint64_t seed) {
  const auto known = [&](const std::vector<double>& values) {
    return std::ranges::any_of(tried, [&](const Tried& t) { return t.values == values; });
  };
  if (auto values = space.defaults(); !known(values)) return values;
  if (space.axes() == 0) return std::nullopt;
  const std::size_t trial = tried.size(), first = first_trials(space.axes());
  const Tried* best = nullptr;
  for (const auto& t : tried)
    if (t.score && (best == nullptr || *t.score > *best->score)) best = &t;

  Rng rng(seed * 0x9e3779b97f4a7c15ULL + trial);
  if (steps(trial, first) && best != nullptr) {
    double radius = radius_after(tried, first);
    for (std::size_t attempt = 0; attempt < kAttempts; ++attempt) {
      auto values = step_from(space, *best, radius, rng);
      if (!known(values)) return values;
      radius = std::min(radius * 1.05, 1.0);  // all near neighbours were tried
    }
  }
  std::size_t number = 0;  // quasi-random points so far
  for (std::size_t t = 1; t < trial; ++t) number += steps(t, first) ? 0 : 1;
  for (std::size_t attempt = 0; attempt < kAttempts; ++attempt) {
    auto values = space.at(quasi_random(number + attempt * 7919, space.axes(), seed));
    if (!known(values)) return values;
  }
  return std::nullopt;
}

}  // namespace penchant::evaluate
