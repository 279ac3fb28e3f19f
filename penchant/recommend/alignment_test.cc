#include "penchant/recommend/alignment.h"

#include <gtest/gtest.h>

#include <cmath>

#include "penchant/base/rng.h"
#include "penchant/semantic_id/rotation.h"

namespace penchant::recommend {
namespace {

Matrix<float> random_rows(std::size_t rows, std::size_t dim, std::uint64_t seed) {
  Rng rng(seed);
  Matrix<float> out(rows, dim);
  for (float& x : out.values()) x = static_cast<float>(rng.uniform() + rng.uniform() + rng.uniform() - 1.5);
  return out;
}

/// Some orthogonal matrix: the principal axes of random rows.
semantic_id::Rotation random_rotation(std::size_t dim, std::uint64_t seed, Executor& executor) {
  const std::size_t widths[] = {dim};
  return semantic_id::principal_rotation(random_rows(4 * dim, dim, seed).view(), widths, executor);
}

float dot(std::span<const float> a, std::span<const float> b) {
  float sum = 0;
  for (std::size_t j = 0; j < a.size(); ++j) sum += a[j] * b[j];
  return sum;
}

TEST(Alignment, RecoversAnyTurnExactly) {
  Executor executor(2);
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const std::size_t dim = 4 + 7 * seed;
    const auto old = random_rows(3 * dim, dim, seed);
    const auto turned = semantic_id::rotate(random_rotation(dim, seed + 50, executor), old.view(), executor);
    const auto found = fit_alignment(turned.view(), old.view(), executor).value();
    EXPECT_EQ(found.shared, old.rows());
    EXPECT_NEAR(found.cosine, 1, 1e-5);
    EXPECT_LT(std::abs(found.cosine_before), 0.6);
    const auto back = aligned(found, turned.view(), executor);
    for (std::size_t i = 0; i < old.values().size(); ++i) EXPECT_NEAR(back.values()[i], old.values()[i], 1e-4) << "seed " << seed;
  }
}

TEST(Alignment, TurnsWithoutTouchingWhatTheReleaseScores) {
  Executor executor(2);
  const auto from = random_rows(60, 16, 1), to = random_rows(60, 16, 2);  // nothing in common: still only a turn
  const auto found = fit_alignment(from.view(), to.view(), executor).value();
  const auto after = aligned(found, from.view(), executor);
  EXPECT_GT(found.cosine, found.cosine_before);
  for (std::size_t a = 0; a < 60; a += 7)
    for (std::size_t b = 0; b < 60; ++b) EXPECT_NEAR(dot(after.row(a), after.row(b)), dot(from.row(a), from.row(b)), 1e-4);
}

TEST(Alignment, LeavesOutWhatOneSideHasNoVectorOf) {
  Executor executor(1);
  auto old = random_rows(30, 8, 3);
  const auto turned = semantic_id::rotate(random_rotation(8, 4, executor), old.view(), executor);
  for (std::size_t r = 0; r < 10; ++r) std::ranges::fill(old.row(r), 0.0F);
  const auto found = fit_alignment(turned.view(), old.view(), executor).value();
  EXPECT_EQ(found.shared, 20u);
  EXPECT_NEAR(found.cosine, 1, 1e-5);
}

TEST(Alignment, SaysWhenNoTurnCanBeTold) {
  Executor executor(1);
  const auto wide = random_rows(40, 16, 1), narrow = random_rows(40, 8, 1), few = random_rows(15, 16, 1);
  EXPECT_NE(fit_alignment(wide.view(), narrow.view(), executor).error().message.find("16 numbers"), std::string::npos);
  EXPECT_NE(fit_alignment(few.view(), few.view(), executor).error().message.find("--align-to none"), std::string::npos);
}

}  // namespace
}  // namespace penchant::recommend
