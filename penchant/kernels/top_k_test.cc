#include "penchant/kernels/top_k.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "penchant/kernels/simd_levels_testing.h"

namespace penchant::kernels {
namespace {
using testing::at_every_simd_level;
using testing::kSizes;
using testing::random_vector;

std::vector<Scored> sorted_top(std::span<const float> scores, std::size_t k, const Bitmap* allowed) {
  std::vector<Scored> all;
  for (std::uint32_t i = 0; i < scores.size(); ++i)
    if (!std::isnan(scores[i]) && (allowed == nullptr || allowed->test(i))) all.push_back({scores[i], i});
  std::sort(all.begin(), all.end(), ranks_before);
  all.resize(std::min(k, all.size()));
  return all;
}

TEST(TopK, EqualsSortingEverything) {
  at_every_simd_level([] {
    Rng rng(1);
    for (const std::size_t n : {1U, 7U, 64U, 384U, 5000U})
      for (const std::size_t k : {0U, 1U, 3U, 10U, 100U, 10000U})
        for (const bool ties : {false, true}) {
          auto scores = random_vector(rng, n);
          if (ties)
            for (auto& s : scores) s = std::round(s * 3);
          Bitmap half(n);
          for (std::size_t i = 0; i < n; i += 1 + rng.below(3)) half.set(i);
          EXPECT_EQ(top_k(scores, k), sorted_top(scores, k, nullptr)) << n << " " << k;
          EXPECT_EQ(top_k(scores, k, &half), sorted_top(scores, k, &half)) << n << " " << k;
        }
  });
}

TEST(TopK, TiesGoToTheLowerIndexInAnyOrderOfOffers) {
  Rng rng(2);
  for (int round = 0; round < 50; ++round) {
    std::vector<Scored> all;
    for (std::uint32_t i = 0; i < 500; ++i) all.push_back({static_cast<float>(rng.below(4)), i});
    rng.shuffle<Scored>(all);
    TopK best(7);
    for (const auto& s : all) best.offer(s.score, s.index);
    std::sort(all.begin(), all.end(), ranks_before);
    all.resize(7);
    EXPECT_EQ(best.take(), all);
  }
}

TEST(TopK, NanIsNeverTakenAndInfinityIs) {
  std::vector<float> scores(300, NAN);
  scores[10] = -INFINITY;
  scores[20] = INFINITY;
  scores[30] = 1;
  const std::vector<Scored> expected{{INFINITY, 20}, {1, 30}, {-INFINITY, 10}};
  EXPECT_EQ(top_k(scores, 5), expected);
  EXPECT_TRUE(top_k({}, 5).empty());
}

TEST(TopK, CollectorStartsAgainAfterTake) {
  TopK best(2);
  for (std::uint32_t i = 0; i < 1000; ++i) best.offer(static_cast<float>(i), i);
  EXPECT_EQ(best.take().front().index, 999U);
  best.offer(-5, 3);
  EXPECT_EQ(best.take(), (std::vector<Scored>{{-5, 3}}));
}

}  // namespace
}  // namespace penchant::kernels
