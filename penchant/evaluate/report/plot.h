#pragma once
/// \file Plots of a report as SVG text, styled by the page's variables. Private to evaluate/. Layer 6.
#include <string>
#include <string_view>
#include <vector>

#include "penchant/metrics/bootstrap.h"

namespace penchant::evaluate {

/// & < > " ' as entities.
[[nodiscard]] std::string escaped(std::string_view text);

struct IntervalRow {
  std::string label;
  metrics::Estimate estimate;
  std::size_t colour = 0;  ///< series colour 1…, 0: neutral
  std::string hint;        ///< shown when the pointer rests on it
};
struct IntervalPlot {
  std::string title;
  std::vector<IntervalRow> rows;
  bool around_zero = false;  ///< draws a line at 0
  double margin = 0;         ///< with around_zero: a band of this half width
};
/// One dot and whisker per row. Empty for no rows.
[[nodiscard]] std::string interval_plot(const IntervalPlot& plot);

struct Curve {
  std::string label;
  std::vector<metrics::Estimate> points;  ///< [positions]
  std::size_t colour = 0;
};
/// Lines over evenly spaced positions, labelled at their ends.
[[nodiscard]] std::string curve_plot(std::string_view title, const std::vector<std::string>& positions,
                                     const std::vector<Curve>& curves);

struct SliceColumn {
  std::string label, detail;              ///< "1-5", "4,210 users"
  std::vector<metrics::Estimate> values;  ///< [series]; NaN value: nothing to draw
};
/// For each slice the series side by side, with whiskers.
[[nodiscard]] std::string slice_plot(std::string_view title, const std::vector<SliceColumn>& columns,
                                     const std::vector<std::string>& series);

}  // namespace penchant::evaluate
