#include "penchant/evaluate/baselines/ials.h"

#include <gtest/gtest.h>

#include <cmath>

#include "penchant/base/random_matrix_testing.h"
#include "penchant/evaluate/baselines/baseline_testing.h"
#include "penchant/evaluate/baselines/least_squares.h"

namespace penchant::evaluate {
namespace {

/// Gaussian elimination with row exchanges.
std::vector<double> solve_dense(Matrix<double> a, std::vector<double> b) {
  const std::size_t n = a.rows();
  for (std::size_t c = 0; c < n; ++c) {
    std::size_t pivot = c;
    for (std::size_t r = c; r < n; ++r)
      if (std::abs(a(r, c)) > std::abs(a(pivot, c))) pivot = r;
    for (std::size_t j = 0; j < n; ++j) std::swap(a(c, j), a(pivot, j));
    std::swap(b[c], b[pivot]);
    for (std::size_t r = 0; r < n; ++r) {
      if (r == c) continue;
      const double factor = a(r, c) / a(c, c);
      for (std::size_t j = c; j < n; ++j) a(r, j) -= factor * a(c, j);
      b[r] -= factor * b[c];
    }
  }
  for (std::size_t i = 0; i < n; ++i) b[i] /= a(i, i);
  return b;
}

TEST(Diagonalise, TurnsTheGramMatrixIntoADiagonalAndKeepsProducts) {
  auto side = random_matrix(2500, 20, 1);
  const auto before = side;
  Executor executor(2);
  const auto values = diagonalise(side.view(), executor);
  for (std::size_t i = 0; i < 20; ++i)
    for (std::size_t j = 0; j < 20; ++j) {
      double sum = 0;
      for (std::size_t r = 0; r < 2500; ++r) sum += static_cast<double>(side(r, i)) * side(r, j);
      EXPECT_NEAR(sum, i == j ? values[i] : 0, 2e-3);
    }
  for (std::size_t r = 0; r + 1 < 50; ++r) {
    double old_product = 0, new_product = 0;
    for (std::size_t k = 0; k < 20; ++k) {
      old_product += static_cast<double>(before(r, k)) * before(r + 1, k);
      new_product += static_cast<double>(side(r, k)) * side(r + 1, k);
    }
    EXPECT_NEAR(new_product, old_product, 1e-5);
  }
}

TEST(RowSolver, SolvesTheNormalEquationsBothWays) {
  const auto side = random_matrix(90, 24, 2);
  for (const bool weighted : {false, true})
    for (const std::size_t n : {0, 1, 5, 23, 24, 25, 80}) {
      Rng rng(n);
      std::vector<std::uint32_t> rows(n);
      std::vector<float> weights(weighted ? n : 0), diagonal(24), out(24, 7.0f);
      for (std::size_t r = 0; r < n; ++r) rows[r] = static_cast<std::uint32_t>(r + 3);
      for (float& w : weights) w = static_cast<float>(0.1 + rng.uniform());
      for (float& v : diagonal) v = static_cast<float>(0.2 + rng.uniform());
      RowSolver(side.view()).solve(rows, weights, diagonal, out);
      Matrix<double> a(24, 24);
      std::vector<double> b(24, 0);
      for (std::size_t i = 0; i < 24; ++i) a(i, i) = diagonal[i];
      for (std::size_t r = 0; r < n; ++r) {
        const double weight = weighted ? weights[r] : 1;
        for (std::size_t i = 0; i < 24; ++i) {
          b[i] += weight * side(rows[r], i);
          for (std::size_t j = 0; j < 24; ++j) a(i, j) += weight * side(rows[r], i) * side(rows[r], j);
        }
      }
      const auto expected = solve_dense(a, b);
      for (std::size_t i = 0; i < 24; ++i)
        EXPECT_NEAR(out[i], expected[i], 3e-5) << "rows " << n << ", weighted " << weighted;
    }
}

/// The same alternation with explicit normal equations for every row, in double.
struct SlowIals {
  const IalsSettings& settings;
  double alpha;
  std::size_t dim = settings.dim;

  Matrix<double> solve(const Matrix<double>& fixed, const std::vector<std::set<std::uint32_t>>& lists) const {
    Matrix<double> gram(dim, dim), rows(lists.size(), dim);
    std::size_t known = 0;
    for (std::size_t r = 0; r < fixed.rows(); ++r) {
      bool zero = true;
      for (std::size_t i = 0; i < dim; ++i)
        for (std::size_t j = 0; j < dim; ++j)
          gram(i, j) += fixed(r, i) * fixed(r, j), zero &= fixed(r, i) == 0;
      known += zero ? 0 : 1;
    }
    for (std::size_t r = 0; r < lists.size(); ++r) {
      Matrix<double> a(dim, dim);
      std::vector<double> b(dim, 0);
      const double ridge = settings.regularization *
                           std::pow(static_cast<double>(lists[r].size()) + alpha * static_cast<double>(known),
                                    settings.frequency_power);
      for (std::size_t i = 0; i < dim; ++i)
        for (std::size_t j = 0; j < dim; ++j) a(i, j) = alpha * gram(i, j) + (i == j ? ridge : 0);
      for (const auto item : lists[r])
        for (std::size_t i = 0; i < dim; ++i) {
          b[i] += fixed(item, i);
          for (std::size_t j = 0; j < dim; ++j) a(i, j) += fixed(item, i) * fixed(item, j);
        }
      const auto x = solve_dense(a, b);
      std::ranges::copy(x, rows.row(r).begin());
    }
    return rows;
  }
};

TEST(Ials, ConvergesToTheScoresOfExplicitNormalEquations) {
  const TrainingLog data(random_log(60, 40, 14, 7));
  const IalsSettings settings{.dim = 6,
                              .epochs = 300,
                              .unobserved_ratio = 2,
                              .regularization = 0.05,
                              .frequency_power = 0.8,
                              .decay = 1};
  Ials model(settings);
  Executor executor(2);
  ASSERT_TRUE(model.fit(data.input(), executor, {}).ok());
  const auto scores = scores_of(model, data);

  std::vector<std::set<std::uint32_t>> items_of(60), users_of(40);
  for (std::uint32_t u = 0; u < 60; ++u)
    for (const auto& event : data.training.users[u])
      items_of[u].insert(event.item), users_of[event.item].insert(u);
  std::size_t pairs = 0, users_with = 60, items_with = 0;
  for (const auto& items : items_of) pairs += items.size();
  for (const auto& users : users_of) items_with += users.empty() ? 0 : 1;
  EXPECT_NEAR(model.unobserved_weight(),
              2.0 * static_cast<double>(pairs) / static_cast<double>(users_with * items_with), 1e-12);
  const SlowIals slow{settings, model.unobserved_weight()};
  Matrix<double> items(40, 6);
  Rng rng(1);
  for (std::size_t i = 0; i < 40; ++i)
    for (std::size_t k = 0; k < 6 && !users_of[i].empty(); ++k) items(i, k) = rng.uniform() - 0.5;
  Matrix<double> users;
  for (int epoch = 0; epoch < 300; ++epoch) {
    users = slow.solve(items, items_of);
    items = slow.solve(users, users_of);
  }
  users = slow.solve(items, items_of);
  for (std::size_t q = 0; q < data.queries.size(); ++q)
    for (std::size_t i = 0; i < 40; ++i) {
      if (users_of[i].empty()) continue;
      double expected = 0;
      for (std::size_t k = 0; k < 6; ++k) expected += users(data.queries[q].user, k) * items(i, k);
      EXPECT_NEAR(scores(q, i), expected, 2e-3) << "user " << data.queries[q].user << ", item " << i;
    }
}

/// Hu et al. 2008: A = X'X + sum_seen (c - 1) x x' + r I, b = sum_seen c x.
Matrix<double> solve_confidences(const Matrix<double>& fixed, const std::vector<std::set<std::uint32_t>>& lists,
                                 double confidence, double ridge) {
  const std::size_t dim = fixed.cols();
  Matrix<double> rows(lists.size(), dim);
  for (std::size_t r = 0; r < lists.size(); ++r) {
    Matrix<double> a(dim, dim);
    std::vector<double> b(dim, 0);
    for (std::uint32_t f = 0; f < fixed.rows(); ++f) {
      const bool seen = lists[r].contains(f);
      for (std::size_t i = 0; i < dim; ++i) {
        if (seen) b[i] += confidence * fixed(f, i);
        for (std::size_t j = 0; j < dim; ++j) a(i, j) += (seen ? confidence : 1) * fixed(f, i) * fixed(f, j);
      }
    }
    for (std::size_t i = 0; i < dim; ++i) a(i, i) += ridge;
    std::ranges::copy(solve_dense(a, b), rows.row(r).begin());
  }
  return rows;
}

TEST(Ials, ConfidencesOfHuEtAlAreTheSameModel) {
  constexpr double kConfidence = 5, kRidge = 0.4;
  const TrainingLog data(random_log(60, 40, 14, 11));
  std::vector<std::set<std::uint32_t>> items_of(60), users_of(40);
  double pairs = 0, users_with = 0, items_with = 0;
  for (std::uint32_t u = 0; u < 60; ++u)
    for (const auto& event : data.training.users[u])
      items_of[u].insert(event.item), users_of[event.item].insert(u);
  for (const auto& items : items_of)
    pairs += static_cast<double>(items.size()), users_with += items.empty() ? 0 : 1;
  for (const auto& users : users_of) items_with += users.empty() ? 0 : 1;

  Ials model({.dim = 6,
              .epochs = 300,
              .unobserved_ratio = users_with * items_with / pairs / (kConfidence - 1),
              .regularization = kRidge / kConfidence,
              .frequency_power = 0,
              .decay = 1});
  Executor executor(1);
  ASSERT_TRUE(model.fit(data.input(), executor, {}).ok());
  EXPECT_NEAR(model.unobserved_weight(), 1 / (kConfidence - 1), 1e-12);
  const auto scores = scores_of(model, data);

  Matrix<double> items(40, 6), users;
  Rng rng(1);
  for (std::size_t i = 0; i < 40; ++i)
    for (std::size_t k = 0; k < 6 && !users_of[i].empty(); ++k) items(i, k) = rng.uniform() - 0.5;
  for (int epoch = 0; epoch < 300; ++epoch) {
    users = solve_confidences(items, items_of, kConfidence, kRidge);
    items = solve_confidences(users, users_of, kConfidence, kRidge);
  }
  users = solve_confidences(items, items_of, kConfidence, kRidge);
  for (std::size_t q = 0; q < data.queries.size(); ++q)
    for (std::size_t i = 0; i < 40; ++i) {
      if (users_of[i].empty()) continue;
      double expected = 0;
      for (std::size_t k = 0; k < 6; ++k) expected += users(data.queries[q].user, k) * items(i, k);
      EXPECT_NEAR(scores(q, i) * kConfidence / (kConfidence - 1), expected, 2e-3)
          << "user " << data.queries[q].user << ", item " << i;
    }
}

TEST(Ials, AGroupIsRecommendedToItsUsers) {
  const TrainingLog data(grouped_log(120, 4, 8, 2));
  Ials model({.dim = 8, .epochs = 15});
  Executor executor(1);
  ASSERT_TRUE(model.fit(data.input(), executor, {}).ok());
  const auto scores = scores_of(model, data);
  for (std::size_t q = 0; q < data.queries.size(); ++q) {
    const auto best = std::ranges::max_element(scores.row(q)) - scores.row(q).begin();
    EXPECT_EQ(static_cast<std::size_t>(best) / 8, q % 4);
  }
}

}  // namespace
}  // namespace penchant::evaluate
