#include "penchant/kernels/symmetric_eigen.h"

#include <cmath>
#include <limits>

namespace penchant::kernels {
namespace {

/// Reduces a to tridiagonal form (diagonal, below); returns rows of the transform: a = q^T t q.
Matrix<double> tridiagonalise(Matrix<double>& a, std::vector<double>& diagonal, std::vector<double>& below) {
  const std::size_t n = a.rows();
  Matrix<double> reflectors(n, n);  // row k: the reflector that clears column k
  std::vector<double> scale(n, 0), w(n);
  for (std::size_t k = 0; k + 2 < n; ++k) {
    const auto v = reflectors.row(k);
    double norm = 0;
    for (std::size_t i = k + 1; i < n; ++i) norm += (v[i] = a(k, i)) * v[i];
    norm = std::sqrt(norm);
    if (norm == 0) continue;
    const double left = v[k + 1] < 0 ? norm : -norm;  // what the reflection leaves at k + 1
    v[k + 1] -= left;
    double square = 0;
    for (std::size_t i = k + 1; i < n; ++i) square += v[i] * v[i];
    scale[k] = 2 / square;
    double along = 0;
    for (std::size_t i = k + 1; i < n; ++i) {
      const auto row = a.row(i);
      double sum = 0;
      for (std::size_t j = k + 1; j < n; ++j) sum += row[j] * v[j];
      w[i] = scale[k] * sum;
      along += w[i] * v[i];
    }
    for (std::size_t i = k + 1; i < n; ++i) w[i] -= scale[k] / 2 * along * v[i];
    for (std::size_t i = k + 1; i < n; ++i) {
      const auto row = a.row(i);
      for (std::size_t j = k + 1; j < n; ++j) row[j] -= v[i] * w[j] + w[i] * v[j];
    }
    a(k, k + 1) = a(k + 1, k) = left;
  }
  for (std::size_t i = 0; i < n; ++i) {
    diagonal[i] = a(i, i);
    below[i] = i + 1 < n ? a(i + 1, i) : 0;
  }
  Matrix<double> q(n, n);
  for (std::size_t i = 0; i < n; ++i) q(i, i) = 1;
  // a = H0 H1 … t … H1 H0, so the rows wanted are (H0 H1 …)^T: apply from the last to the first.
  for (std::size_t k = n; k-- > 0;) {
    if (scale[k] == 0) continue;
    const auto v = reflectors.row(k);
    for (std::size_t i = k + 1; i < n; ++i) {
      const auto row = q.row(i);
      double sum = 0;
      for (std::size_t j = k + 1; j < n; ++j) sum += row[j] * v[j];
      sum *= scale[k];
      for (std::size_t j = k + 1; j < n; ++j) row[j] -= sum * v[j];
    }
  }
  return q;
}

}  // namespace

Eigen symmetric_eigen(Matrix<double> a) {
  const std::size_t n = a.rows();
  Eigen out{std::vector<double>(n), {}};
  auto& d = out.values;
  std::vector<double> e(n, 0);
  out.vectors = tridiagonalise(a, d, e);
  auto& z = out.vectors;
  for (std::size_t l = 0; l < n; ++l) {
    for (int turn = 0; turn < 60; ++turn) {
      std::size_t m = l;
      for (; m + 1 < n; ++m)
        if (std::abs(e[m]) <= std::numeric_limits<double>::epsilon() * (std::abs(d[m]) + std::abs(d[m + 1])))
          break;
      if (m == l) break;
      double g = (d[l + 1] - d[l]) / (2 * e[l]);
      double r = std::hypot(g, 1.0);
      g = d[m] - d[l] + e[l] / (g + std::copysign(r, g));
      double s = 1, c = 1, p = 0;
      bool split = false;
      for (std::size_t i = m; i-- > l;) {
        const double f = s * e[i], b = c * e[i];
        e[i + 1] = r = std::hypot(f, g);
        if (r == 0) {
          d[i + 1] -= p;
          e[m] = 0;
          split = true;
          break;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
        double *low = z.row(i).data(), *high = z.row(i + 1).data();
        for (std::size_t k = 0; k < n; ++k) {
          const double h = high[k];
          high[k] = s * low[k] + c * h;
          low[k] = c * low[k] - s * h;
        }
      }
      if (split) continue;
      d[l] -= p;
      e[l] = g;
      e[m] = 0;
    }
  }
  return out;
}

}  // namespace penchant::kernels
