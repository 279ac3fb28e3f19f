#include "penchant/evaluate/tune/search.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace penchant::evaluate {
namespace {

TuneSpace three_axes() {
  return TuneSpace({{.name = "rate", .value = 1e-3, .low = 1e-5, .high = 1, .logarithmic = true},
                    {.name = "share", .value = 0.5, .low = 0, .high = 1},
                    {.name = "width", .value = 8, .low = 1, .high = 200, .logarithmic = true, .whole = true}});
}

/// Highest, 1, at rate 0.02, share 0.8, width 60; falls off smoothly.
double planted(std::span<const double> v) {
  const double a = std::log10(v[0] / 0.02), b = 2 * (v[1] - 0.8), c = std::log10(v[2] / 60);
  return std::exp(-(a * a + b * b + c * c));
}

std::vector<Tried> search(const TuneSpace& space, std::size_t trials, std::uint64_t seed) {
  std::vector<Tried> tried;
  while (tried.size() < trials) {
    const auto values = propose(space, tried, seed);
    if (!values) break;
    tried.push_back({*values, planted(*values)});
  }
  return tried;
}

double best_of(std::span<const Tried> tried) {
  double best = 0;
  for (const auto& t : tried) best = std::max(best, t.score.value_or(0));
  return best;
}

std::vector<Tried> search_of(const TuneSpace& space, std::size_t trials) {
  std::vector<Tried> tried;
  while (tried.size() < trials) {
    const auto values = *propose(space, tried, 1);
    tried.push_back({values, -std::abs(values[0] - 100)});
  }
  return tried;
}

TEST(TuneSearch, TheDefaultsComeFirst) { EXPECT_EQ(propose(three_axes(), {}, 1), three_axes().defaults()); }

TEST(TuneSearch, FindsAPlantedOptimum) {
  const auto space = three_axes();
  EXPECT_LT(planted(space.defaults()), 0.1);
  double sum30 = 0, worst60 = 1;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const auto tried = search(space, 60, seed);
    sum30 += best_of(std::span(tried).first(30));
    worst60 = std::min(worst60, best_of(tried));
  }
  EXPECT_GT(sum30 / 40, 0.85);
  EXPECT_GT(worst60, 0.7);
}

TEST(TuneSearch, StepsAreWorthMoreThanFillingAlone) {
  const auto space = three_axes();
  double with = 0, without = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    with += best_of(search(space, 40, seed));
    std::vector<Tried> tried;  // failures leave nothing to step from
    double best = 0;
    while (tried.size() < 40) {
      const auto values = propose(space, tried, seed);
      ASSERT_TRUE(values);
      best = std::max(best, planted(*values));
      tried.push_back({*values, std::nullopt});
    }
    without += best;
  }
  EXPECT_GT(with / 40, without / 40 + 0.02);
}

TEST(TuneSearch, NothingIsTriedTwiceAndASmallBoxIsExhausted) {
  const TuneSpace space({{.name = "k", .value = 2, .low = 1, .high = 4, .whole = true},
                         {.name = "n", .value = 1, .low = 0, .high = 2, .whole = true}});
  std::vector<Tried> tried;
  std::set<std::vector<double>> seen;
  while (const auto values = propose(space, tried, 3)) {
    EXPECT_TRUE(seen.insert(*values).second);
    tried.push_back({*values, (*values)[0]});
    ASSERT_LE(tried.size(), 12u);
  }
  EXPECT_EQ(tried.size(), 12u);
  const TuneSpace none({});
  EXPECT_TRUE(propose(none, {}, 1).has_value());
  EXPECT_FALSE(propose(none, std::vector<Tried>{{{}, 0.5}}, 1).has_value());
}

TEST(TuneSearch, ValuesStayInTheBoxWithThreeDigits) {
  const auto space = three_axes();
  for (const auto& tried : search(space, 60, 7)) {
    for (std::size_t a = 0; a < space.axes(); ++a) {
      EXPECT_GE(tried.values[a], space.settings()[a].low);
      EXPECT_LE(tried.values[a], space.settings()[a].high);
    }
    EXPECT_EQ(tried.values[2], std::round(tried.values[2]));
    char text[32];
    std::snprintf(text, sizeof text, "%.3g", tried.values[0]);
    EXPECT_EQ(std::strtod(text, nullptr), tried.values[0]);
  }
}

TEST(TuneSearch, StepsOfASettingAreKept) {
  const TuneSpace space({{.name = "dim", .value = 64, .low = 32, .high = 256, .logarithmic = true, .whole = true, .step = 8},
                         {.name = "rate", .value = 0.1, .low = 0, .high = 1}});
  std::set<double> dims;
  for (const auto& tried : search_of(space, 60)) {
    EXPECT_EQ(std::fmod(tried.values[0], 8), 0);
    dims.insert(tried.values[0]);
  }
  EXPECT_GT(dims.size(), 8u);
}

TEST(TuneSearch, AnInterruptedSearchGoesOnAsIfItHadNotBeen) {
  const auto space = three_axes();
  const auto whole = search(space, 40, 5);
  std::vector<Tried> tried(whole.begin(), whole.begin() + 17);
  while (tried.size() < 40) {
    const auto values = *propose(space, tried, 5);
    tried.push_back({values, planted(values)});
  }
  for (std::size_t t = 0; t < 40; ++t) EXPECT_EQ(tried[t].values, whole[t].values) << t;
  EXPECT_NE(search(space, 5, 6)[2].values, whole[2].values);  // another seed, another search
}

TEST(TuneSearch, UnitAndValuesAreInverse) {
  const auto space = three_axes();
  const std::vector<double> unit{0.25, 0.5, 0.75};
  const auto back = space.unit_of(space.at(unit));
  for (std::size_t a = 0; a < 3; ++a) EXPECT_NEAR(back[a], unit[a], 0.01);
}

}  // namespace
}  // namespace penchant::evaluate
