#include "penchant/evaluate/baselines/ease.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "penchant/evaluate/baselines/baseline_testing.h"
#include "penchant/evaluate/baselines/spd_inverse.h"

namespace penchant::evaluate {
namespace {

using ::testing::HasSubstr;

/// Gauss-Jordan with row exchanges, the slow and obvious way.
Matrix<double> dense_inverse(Matrix<double> a) {
  const std::size_t n = a.rows();
  Matrix<double> inverse(n, n);
  for (std::size_t i = 0; i < n; ++i) inverse(i, i) = 1;
  for (std::size_t c = 0; c < n; ++c) {
    std::size_t pivot = c;
    for (std::size_t r = c; r < n; ++r)
      if (std::abs(a(r, c)) > std::abs(a(pivot, c))) pivot = r;
    for (std::size_t j = 0; j < n; ++j)
      std::swap(a(c, j), a(pivot, j)), std::swap(inverse(c, j), inverse(pivot, j));
    const double scale = 1 / a(c, c);
    for (std::size_t j = 0; j < n; ++j) a(c, j) *= scale, inverse(c, j) *= scale;
    for (std::size_t r = 0; r < n; ++r) {
      const double factor = r == c ? 0 : a(r, c);
      for (std::size_t j = 0; j < n; ++j)
        a(r, j) -= factor * a(c, j), inverse(r, j) -= factor * inverse(c, j);
    }
  }
  return inverse;
}

TEST(InvertSpd, TimesTheMatrixIsOneAtEveryAwkwardSize) {
  // Around the blocks of 16, 64, 256 and 512.
  for (const std::size_t n : {1, 2, 15, 63, 64, 65, 130, 255, 257, 511, 512, 513, 700, 1100}) {
    Rng rng(n);
    const std::size_t rank = std::min<std::size_t>(n, 40);
    Matrix<float> factor(n, rank), a(n, n);
    for (float& v : factor.values()) v = static_cast<float>(rng.uniform() - 0.5);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j <= i; ++j) {
        double sum = i == j ? 1 : 0;
        for (std::size_t k = 0; k < rank; ++k) sum += static_cast<double>(factor(i, k)) * factor(j, k);
        a(i, j) = static_cast<float>(sum);
        if (j < i) a(j, i) = 1e30f;  // never read
      }
    Matrix<float> inverse = a;
    Executor executor(2);
    ASSERT_TRUE(invert_spd(inverse.view(), executor).ok()) << n;
    // Rows of the product at some places: all would take n^3.
    for (std::size_t i = 0; i < n; i += 1 + n / 7)
      for (std::size_t j = 0; j < n; j += 1 + n / 31) {
        double sum = 0;
        for (std::size_t k = 0; k < n; ++k)
          sum += static_cast<double>(inverse(i, k)) * (k >= j ? a(k, j) : a(j, k));
        EXPECT_NEAR(sum, i == j ? 1 : 0, 2e-4) << "n " << n << ", row " << i << ", column " << j;
        EXPECT_EQ(inverse(i, j), inverse(j, i));
      }
  }
}

TEST(InvertSpd, RefusesWhatIsNotPositiveDefinite) {
  for (const std::size_t n : {2, 100, 600}) {
    Matrix<float> a(n, n);
    for (std::size_t i = 0; i < n; ++i) a(i, i) = 1;
    a(n - 1, n - 1) = -1;
    Executor executor(1);
    const auto status = invert_spd(a.view(), executor);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code, ErrorCode::invalid_argument);
  }
}

TEST(Ease, EqualsTheClosedFormInDouble) {
  const TrainingLog data(random_log(200, 40, 10, 1));
  const std::size_t items = 40;
  Matrix<double> x(200, items), gram(items, items);
  for (std::size_t u = 0; u < 200; ++u)
    for (const auto& event : data.training.users[u]) x(u, event.item) = 1;
  for (std::size_t i = 0; i < items; ++i)
    for (std::size_t j = 0; j < items; ++j) {
      for (std::size_t u = 0; u < 200; ++u) gram(i, j) += x(u, i) * x(u, j);
      if (i == j) gram(i, j) += 7;
    }
  const auto p = dense_inverse(gram);
  Ease model({.lambda = 7, .decay = 1});
  Executor executor(2);
  ASSERT_TRUE(model.fit(data.input(), executor, {}).ok());
  const auto scores = scores_of(model, data);
  const auto counts = data.training.item_counts();
  for (std::size_t q = 0; q < data.queries.size(); ++q)
    for (std::size_t j = 0; j < items; ++j) {
      if (counts[j] == 0) continue;
      double expected = 0;
      for (std::size_t i = 0; i < items; ++i)
        if (i != j) expected -= x(data.queries[q].user, i) * p(i, j) / p(j, j);
      EXPECT_NEAR(scores(q, j), expected, 1e-5);
    }
}

TEST(Ease, DecayWeighsOlderEventsLess) {
  const TrainingLog data(log_of({{{0, 1}, {1, 2}}, {{0, 1}, {2, 2}}, {{1, 1}, {3, 2}}}, 4));
  Executor executor(1);
  Ease plain({.lambda = 1, .decay = 1}), decayed({.lambda = 1, .decay = 0.5});
  ASSERT_TRUE(plain.fit(data.input(), executor, {}).ok());
  ASSERT_TRUE(decayed.fit(data.input(), executor, {}).ok());
  const auto single = [&](const Ease& model, std::uint32_t item) {
    const std::vector<Interaction> history{{.item = item}};
    const Query query{history, 0, 0, 0};
    Matrix<float> out(1, 4);
    model.score({&query, 1}, out.view()).value();
    return out;
  };
  const auto old = single(plain, 0), recent = single(plain, 1), both = scores_of(decayed, data);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(both(0, i), recent(0, i) + 0.5f * old(0, i), 1e-6);
}

TEST(Ease, RefusesACatalogueThatIsTooLargeAndSaysWhatToDo) {
  const TrainingLog data(random_log(10, 50, 4, 1));
  Ease model({.most_items = 49});
  Executor executor(1);
  const auto status = model.fit(data.input(), executor, {});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::resource_exhausted);
  EXPECT_THAT(status.error().message, HasSubstr("limited to 49 items"));
  EXPECT_THAT(status.error().message, HasSubstr("use ials or item-knn"));
}

}  // namespace
}  // namespace penchant::evaluate
