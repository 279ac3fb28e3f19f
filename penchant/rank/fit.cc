#include "penchant/rank/fit.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace penchant::rank {
namespace {

using Vector = std::vector<double>;

/// Standard deviation of each feature inside lists, averaged over the lists.
Vector spread_inside_lists(std::span<const FitList> lists, std::size_t width) {
  Vector spread(width, 0);
  for (const FitList& list : lists) {
    const auto rows = static_cast<double>(list.features.rows());
    for (std::size_t f = 0; f < width; ++f) {
      double mean = 0, square = 0;
      for (std::size_t r = 0; r < list.features.rows(); ++r) mean += static_cast<double>(list.features(r, f));
      mean /= rows;
      for (std::size_t r = 0; r < list.features.rows(); ++r) {
        const double off = static_cast<double>(list.features(r, f)) - mean;
        square += off * off;
      }
      spread[f] += std::sqrt(square / rows) / static_cast<double>(lists.size());
    }
  }
  return spread;
}

struct Objective {
  double loss = 0;      ///< mean, with the penalty
  Vector gradient;      ///< [F]
  Vector hessian;       ///< [F, F]
};

/// Loss at `weights` (of features divided by `spread`); derivatives unless `loss_only`.
Objective evaluate(std::span<const FitList> lists, const Vector& weights, const Vector& spread, double l2,
                   bool loss_only) {
  const std::size_t width = weights.size();
  Objective out{0, Vector(width, 0), Vector(width * width, 0)};
  Vector raw(width), mean(width), second(width * width), x(width), logits;
  for (std::size_t f = 0; f < width; ++f) raw[f] = spread[f] > 0 ? weights[f] / spread[f] : 0;
  for (const FitList& list : lists) {
    const std::size_t rows = list.features.rows();
    if (list.offsets.empty()) logits.assign(rows, 0);
    else logits.assign(list.offsets.begin(), list.offsets.end());
    for (std::size_t r = 0; r < rows; ++r) {
      const auto row = list.features.row(r);
      for (std::size_t f = 0; f < width; ++f) logits[r] += raw[f] * static_cast<double>(row[f]);
    }
    const double top = *std::max_element(logits.begin(), logits.end());
    double sum = 0;
    for (const double logit : logits) sum += std::exp(logit - top);
    out.loss += top + std::log(sum) - logits[list.target];
    if (loss_only) continue;
    std::fill(mean.begin(), mean.end(), 0);
    std::fill(second.begin(), second.end(), 0);
    for (std::size_t r = 0; r < rows; ++r) {
      const double p = std::exp(logits[r] - top) / sum;
      if (p < 1e-14) continue;
      for (std::size_t f = 0; f < width; ++f)
        x[f] = spread[f] > 0 ? static_cast<double>(list.features(r, f)) / spread[f] : 0;
      for (std::size_t f = 0; f < width; ++f) {
        mean[f] += p * x[f];
        for (std::size_t g = 0; g <= f; ++g) second[f * width + g] += p * x[f] * x[g];
      }
    }
    for (std::size_t f = 0; f < width; ++f) {
      const double chosen =
          spread[f] > 0 ? static_cast<double>(list.features(list.target, f)) / spread[f] : 0;
      out.gradient[f] += mean[f] - chosen;
      for (std::size_t g = 0; g <= f; ++g)
        out.hessian[f * width + g] += second[f * width + g] - mean[f] * mean[g];
    }
  }
  const auto n = static_cast<double>(lists.size());
  out.loss /= n;
  for (std::size_t f = 0; f < width; ++f) {
    out.loss += l2 / 2 * weights[f] * weights[f];
    out.gradient[f] = out.gradient[f] / n + l2 * weights[f];
    for (std::size_t g = 0; g <= f; ++g) out.hessian[f * width + g] /= n;
    out.hessian[f * width + f] += l2;
  }
  return out;
}

/// Solves H s = g for symmetric positive H (lower triangle given) by Cholesky with `ridge` on the
/// diagonal; empty when H + ridge is not positive.
Vector solve(Vector h, Vector g, double ridge) {
  const std::size_t n = g.size();
  for (std::size_t i = 0; i < n; ++i) {
    h[i * n + i] += ridge;
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = h[i * n + j];
      for (std::size_t k = 0; k < j; ++k) sum -= h[i * n + k] * h[j * n + k];
      if (i == j) {
        if (!(sum > 0)) return {};
        h[i * n + i] = std::sqrt(sum);
      } else {
        h[i * n + j] = sum / h[j * n + j];
      }
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) g[i] -= h[i * n + k] * g[k];
    g[i] /= h[i * n + i];
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) g[i] -= h[k * n + i] * g[k];
    g[i] /= h[i * n + i];
  }
  return g;
}

Status check(std::span<const FitList> lists, const FitOptions& options) {
  if (lists.empty()) return invalid("no list to fit weights on");
  if (!(options.l2 >= 0) || !std::isfinite(options.l2)) return invalid("l2 must be 0 or more");
  const std::size_t width = lists.front().features.cols();
  for (std::size_t i = 0; i < lists.size(); ++i) {
    const FitList& list = lists[i];
    const std::string name = "list " + std::to_string(i) + ": ";
    if (list.features.cols() != width || width == 0)
      return invalid(name + std::to_string(list.features.cols()) + " features, expected " + std::to_string(width));
    if (list.target >= list.features.rows())
      return invalid(name + "target " + std::to_string(list.target) + " is not below " +
                     std::to_string(list.features.rows()) + " candidates");
    if (!list.offsets.empty() && list.offsets.size() != list.features.rows())
      return invalid(name + std::to_string(list.offsets.size()) + " offsets for " +
                     std::to_string(list.features.rows()) + " candidates");
    for (const float value : list.offsets)
      if (!std::isfinite(value)) return invalid(name + "an offset is not finite");
    for (const float value : list.features.values())
      if (!std::isfinite(value)) return invalid(name + "a feature is not finite");
  }
  return {};
}

}  // namespace

Result<FitReport> fit_weights(std::span<const FitList> lists, const FitOptions& options) {
  PENCHANT_DO(check(lists, options));
  const std::size_t width = lists.front().features.cols();
  Vector spread = spread_inside_lists(lists, width);
  for (double& s : spread)
    if (s < 1e-12) s = 0;
  Vector weights(width, 0);
  FitReport report;
  report.loss_before = evaluate(lists, weights, spread, 0, true).loss;
  Objective at = evaluate(lists, weights, spread, options.l2, false);
  while (report.iterations < options.iterations && !report.converged) {
    ++report.iterations;
    Vector step;
    for (double ridge = 1e-9; step.empty(); ridge *= 100) step = solve(at.hessian, at.gradient, ridge);
    double scale = 1;
    Objective next;
    Vector moved;
    for (int halving = 0; halving < 30; ++halving, scale /= 2) {
      moved = weights;
      for (std::size_t f = 0; f < width; ++f) moved[f] -= scale * step[f];
      next = evaluate(lists, moved, spread, options.l2, true);
      if (next.loss <= at.loss) break;
    }
    if (!(next.loss <= at.loss)) break;
    report.converged = at.loss - next.loss <= options.tolerance * (1 + std::abs(at.loss));
    weights = std::move(moved);
    at = evaluate(lists, weights, spread, options.l2, false);
  }
  report.loss = evaluate(lists, weights, spread, 0, true).loss;
  report.weights.resize(width);
  for (std::size_t f = 0; f < width; ++f) report.weights[f] = spread[f] > 0 ? weights[f] / spread[f] : 0;
  return report;
}

}  // namespace penchant::rank
