#include "penchant/evaluate/report/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "penchant/evaluate/report/format.h"

namespace penchant::evaluate {
namespace {

/// Values to pixels, with round ticks.
struct Scale {
  double low = 0, high = 1, from = 0, to = 1, step = 1;

  /// Covers [least, most], which it widens to whole steps.
  static Scale round(double least, double most, double from, double to, int ticks) {
    if (!(most > least)) most = least + 1e-4;
    const double rough = (most - least) / ticks, power = std::pow(10.0, std::floor(std::log10(rough)));
    double step = 10 * power;
    for (const double nice : {5.0, 2.5, 2.0, 1.0})
      if (nice * power >= rough) step = nice * power;
    return {std::floor(least / step + 1e-9) * step, std::ceil(most / step - 1e-9) * step, from, to, step};
  }
  [[nodiscard]] double at(double value) const { return from + (value - low) / (high - low) * (to - from); }
  [[nodiscard]] std::vector<double> ticks() const {
    std::vector<double> out;
    for (int i = 0; low + i * step <= high + step / 2; ++i) out.push_back(low + i * step);
    return out;
  }
  [[nodiscard]] std::string label(double value) const {
    const int decimals = std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)) +
                                        (std::fabs(step / std::pow(10, std::floor(std::log10(step))) - 2.5) < 1e-6 ? 1 : 0),
                                    0, 6);
    return fmt::format("{:.{}f}", std::fabs(value) < step / 1e6 ? 0.0 : value, decimals);
  }
};

struct Range {
  double least = std::numeric_limits<double>::max(), most = std::numeric_limits<double>::lowest();
  void take(const metrics::Estimate& e) {
    if (!std::isfinite(e.value)) return;
    least = std::min({least, e.low, e.value});
    most = std::max({most, e.high, e.value});
  }
};

std::string colour(std::size_t series) { return series == 0 ? "var(--neutral)" : fmt::format("var(--s{})", (series - 1) % 8 + 1); }

std::string open_figure(std::string_view title, double width, double height) {
  return fmt::format(R"(<figure><figcaption>{0}</figcaption><svg viewBox="0 0 {1} {2}" role="img" aria-label="{0}">)",
                     escaped(title), width, height);
}

std::string dot(double x, double y, std::size_t series) {
  return fmt::format(R"(<circle cx="{:.1f}" cy="{:.1f}" r="4" fill="{}" class="dot"/>)", x, y, colour(series));
}

std::string line(double x1, double y1, double x2, double y2, std::string_view kind) {
  return fmt::format(R"(<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" class="{}"/>)", x1, y1, x2, y2, kind);
}

std::string text(double x, double y, std::string_view kind, std::string_view words) {
  return fmt::format(R"(<text x="{:.1f}" y="{:.1f}" class="{}">{}</text>)", x, y, kind, escaped(words));
}

std::string whisker(double x1, double y1, double x2, double y2, std::size_t series) {
  return fmt::format(R"(<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="{}" stroke-width="2" stroke-linecap="round"/>)",
                     x1, y1, x2, y2, colour(series));
}

std::string said(std::string_view label, const metrics::Estimate& e) {
  return fmt::format("{}: {:.4f} [{:.4f}, {:.4f}]", label, e.value, e.low, e.high);
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  return out;
}

std::string interval_plot(const IntervalPlot& plot) {
  if (plot.rows.empty()) return "";
  constexpr double kWidth = 520, kLeft = 150, kRight = 64, kTop = 8, kRow = 24;
  const double bottom = kTop + kRow * static_cast<double>(plot.rows.size());
  Range range;
  for (const auto& row : plot.rows) range.take(row.estimate);
  if (plot.around_zero) {
    range.least = std::min(range.least, -plot.margin);
    range.most = std::max(range.most, plot.margin);
  } else {
    range.least = std::min(range.least, 0.0);  // accuracy is read from zero
  }
  const Scale x = Scale::round(range.least, range.most, kLeft, kWidth - kRight, 4);
  std::string out = open_figure(plot.title, kWidth, bottom + 26);
  if (plot.around_zero && plot.margin > 0)
    out += fmt::format(R"(<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" class="band"/>)", x.at(-plot.margin),
                       kTop, x.at(plot.margin) - x.at(-plot.margin), bottom - kTop);
  for (const double tick : x.ticks()) {
    out += line(x.at(tick), kTop, x.at(tick), bottom, "grid");
    out += text(x.at(tick), bottom + 17, "tick middle", x.label(tick));
  }
  if (plot.around_zero) out += line(x.at(0), kTop, x.at(0), bottom, "zero");
  for (std::size_t r = 0; r < plot.rows.size(); ++r) {
    const auto& row = plot.rows[r];
    const double y = kTop + kRow * (static_cast<double>(r) + 0.5);
    out += "<g><title>" + escaped(said(row.label, row.estimate) + (row.hint.empty() ? "" : "; " + row.hint)) + "</title>";
    out += text(kLeft - 10, y + 4, "label end", row.label);
    out += whisker(x.at(row.estimate.low), y, x.at(row.estimate.high), y, row.colour);
    out += dot(x.at(row.estimate.value), y, row.colour);
    out += text(kWidth - kRight + 10, y + 4, "value", short_number(row.estimate.value));
    out += "</g>";
  }
  return out + "</svg></figure>";
}

std::string curve_plot(std::string_view title, const std::vector<std::string>& positions,
                       const std::vector<Curve>& curves) {
  if (curves.empty() || positions.size() < 2) return "";
  constexpr double kWidth = 520, kHeight = 300, kLeft = 52, kRight = 150, kTop = 10, kBottom = 272, kGap = 15;
  Range range;
  for (const auto& curve : curves)
    for (const auto& point : curve.points) range.take(point);
  const Scale y = Scale::round(0, range.most, kBottom, kTop, 5);
  const double width = kWidth - kLeft - kRight;
  const auto x = [&](std::size_t i) { return kLeft + width * static_cast<double>(i) / static_cast<double>(positions.size() - 1); };
  std::string out = open_figure(title, kWidth, kHeight);
  for (const double tick : y.ticks()) {
    out += line(kLeft, y.at(tick), kWidth - kRight, y.at(tick), "grid");
    out += text(kLeft - 8, y.at(tick) + 4, "tick end", y.label(tick));
  }
  for (std::size_t i = 0; i < positions.size(); ++i) out += text(x(i), kBottom + 18, "tick middle", positions[i]);
  // Labels at the ends, pushed apart where curves meet.
  std::vector<std::size_t> order(curves.size());
  for (std::size_t c = 0; c < order.size(); ++c) order[c] = c;
  std::ranges::stable_sort(order, [&](auto a, auto b) { return curves[a].points.back().value > curves[b].points.back().value; });
  std::vector<double> places;
  for (const auto c : order)
    places.push_back(std::max(y.at(curves[c].points.back().value), places.empty() ? 0 : places.back() + kGap));
  for (std::size_t k = places.size(); k-- > 0;) {
    const double most = k + 1 == places.size() ? kBottom : places[k + 1] - kGap;
    places[k] = std::min(places[k], most);
  }
  for (std::size_t k = order.size(); k-- > 0;) {  // the best on top
    const Curve& curve = curves[order[k]];
    std::string path;
    for (std::size_t i = 0; i < curve.points.size(); ++i)
      path += fmt::format("{}{:.1f},{:.1f}", i == 0 ? "M" : " L", x(i), y.at(curve.points[i].value));
    out += fmt::format(R"(<path d="{}" fill="none" stroke="{}" stroke-width="2"/>)", path, colour(curve.colour));
    for (std::size_t i = 0; i < curve.points.size(); ++i)
      out += "<g><title>" + escaped(said(curve.label + " at " + positions[i], curve.points[i])) + "</title>" +
             dot(x(i), y.at(curve.points[i].value), curve.colour) + "</g>";
    out += text(kWidth - kRight + 12, places[k] + 4, curve.colour == 0 ? "label faint" : "label", curve.label);
  }
  return out + "</svg></figure>";
}

std::string slice_plot(std::string_view title, const std::vector<SliceColumn>& columns,
                       const std::vector<std::string>& series) {
  if (columns.empty() || series.empty()) return "";
  constexpr double kWidth = 520, kHeight = 250, kLeft = 52, kRight = 12, kTop = 10, kBottom = 208;
  Range range;
  for (const auto& column : columns)
    for (const auto& value : column.values) range.take(value);
  if (range.most < range.least) return "";
  const Scale y = Scale::round(0, range.most, kBottom, kTop, 5);
  const double slot = (kWidth - kLeft - kRight) / static_cast<double>(columns.size());
  const double step = std::min(18.0, slot * 0.7 / static_cast<double>(series.size()));
  std::string out = open_figure(title, kWidth, kHeight);
  for (const double tick : y.ticks()) {
    out += line(kLeft, y.at(tick), kWidth - kRight, y.at(tick), "grid");
    out += text(kLeft - 8, y.at(tick) + 4, "tick end", y.label(tick));
  }
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const double middle = kLeft + slot * (static_cast<double>(c) + 0.5);
    for (std::size_t s = 0; s < columns[c].values.size(); ++s) {
      const auto& value = columns[c].values[s];
      if (!std::isfinite(value.value)) continue;
      const double x = middle + step * (static_cast<double>(s) - static_cast<double>(series.size() - 1) / 2);
      out += "<g><title>" + escaped(said(series[s] + ", " + columns[c].label, value)) + "</title>";
      out += whisker(x, y.at(value.low), x, y.at(value.high), s + 1);
      out += dot(x, y.at(value.value), s + 1) + "</g>";
    }
    out += text(middle, kBottom + 18, "tick middle strong", columns[c].label);
    out += text(middle, kBottom + 34, "tick middle", columns[c].detail);
  }
  return out + "</svg></figure>";
}

}  // namespace penchant::evaluate
