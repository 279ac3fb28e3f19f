#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "penchant/base/rng.h"
#include "penchant/metrics/bootstrap.h"
#include "penchant/metrics/calibration.h"
#include "penchant/metrics/lists.h"
#include "penchant/metrics/ranking.h"

namespace penchant::metrics {
namespace {

TEST(PessimisticRank, CountsEveryCandidateThatScoresAtLeastAsMuch) {
  const std::vector<float> scores{0.5f, 0.9f, 0.5f, 0.1f, 0.5f};
  EXPECT_EQ(pessimistic_rank(scores, 1), 1u);
  EXPECT_EQ(pessimistic_rank(scores, 0), 4u);  // one above, three equal with itself
  EXPECT_EQ(pessimistic_rank(scores, 3), 5u);
}

TEST(PessimisticRank, AllEqualScoresPutTheTargetLast) {
  EXPECT_EQ(pessimistic_rank(std::vector<float>(7, 0.0f), 3), 7u);
}

TEST(PessimisticRank, NanAndMinusInfinityAreTheLowestScores) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float low = -std::numeric_limits<float>::infinity();
  EXPECT_EQ(pessimistic_rank(std::vector<float>{nan, 1, 2}, 0), 3u);
  EXPECT_EQ(pessimistic_rank(std::vector<float>{nan, 1, 2}, 1), 2u);
  EXPECT_EQ(pessimistic_rank(std::vector<float>{low, low, 2}, 0), 3u);
  EXPECT_EQ(pessimistic_rank(std::vector<float>{1, 2}, 2), kNoRank);
}

TEST(PessimisticRank, RemovedRowsAreNoCandidates) {
  const std::vector<float> scores{0.5f, 0.9f, 0.5f, 0.1f, 0.8f};
  EXPECT_EQ(pessimistic_rank(scores, 2, std::vector<std::uint32_t>{1, 3}), 3u);
  EXPECT_EQ(pessimistic_rank(scores, 2, std::vector<std::uint32_t>{0, 1, 4}), 1u);
  EXPECT_EQ(pessimistic_rank(scores, 2, std::vector<std::uint32_t>{2}), kNoRank);
}

TEST(PessimisticRank, EqualsTheSlowDefinitionOnRandomScoresWithTies) {
  Rng rng(5);
  for (int round = 0; round < 200; ++round) {
    std::vector<float> scores(1 + rng.below(40));
    for (auto& s : scores) s = static_cast<float>(rng.below(6));
    const std::size_t target = rng.below(scores.size());
    std::vector<std::uint32_t> removed;
    for (std::uint32_t i = 0; i < scores.size(); ++i)
      if (i != target && rng.below(3) == 0) removed.push_back(i);
    std::uint32_t expected = 0;
    for (std::uint32_t i = 0; i < scores.size(); ++i) {
      const bool gone = std::find(removed.begin(), removed.end(), i) != removed.end();
      if (!gone && scores[i] >= scores[target]) ++expected;
    }
    EXPECT_EQ(pessimistic_rank(scores, target, removed), expected);
  }
}

TEST(RankMetrics, MatchHandComputedValues) {
  EXPECT_DOUBLE_EQ(recall_at(10, 10), 1);
  EXPECT_DOUBLE_EQ(recall_at(11, 10), 0);
  EXPECT_DOUBLE_EQ(ndcg_at(1, 10), 1);
  EXPECT_NEAR(ndcg_at(2, 10), 0.6309297535714574, 1e-15);
  EXPECT_DOUBLE_EQ(ndcg_at(3, 10), 0.5);
  EXPECT_NEAR(ndcg_at(10, 10), 1 / std::log2(11.0), 1e-15);
  EXPECT_DOUBLE_EQ(ndcg_at(6, 5), 0);
  EXPECT_DOUBLE_EQ(mrr_at(4, 5), 0.25);
  EXPECT_DOUBLE_EQ(mrr_at(kNoRank, 20), 0);
  EXPECT_DOUBLE_EQ(recall_at(kNoRank, 20), 0);
}

TEST(RankMetrics, OfSeveralRelevantItemsAreThoseOfTheirOneList) {
  const std::vector<std::uint32_t> ranks{7, 1, kNoRank, 3};
  const AtK at = at_k(ranks, 5);
  EXPECT_DOUBLE_EQ(at.recall, 0.5);
  EXPECT_DOUBLE_EQ(at.mrr, 1);
  EXPECT_NEAR(at.ndcg, (1 + 0.5) / (1 + 1 / std::log2(3.0) + 0.5 + 1 / std::log2(5.0)), 1e-15);
  EXPECT_NEAR(at_k(ranks, 2).ndcg, 1 / (1 + 1 / std::log2(3.0)), 1e-15);  // no list of two can hold four
  EXPECT_DOUBLE_EQ(at_k(std::vector<std::uint32_t>{1, 2}, 10).ndcg, 1);
  for (const std::uint32_t rank : {1U, 4U, 10U, 11U, kNoRank}) {
    const AtK one = at_k(std::span(&rank, 1), 10);
    EXPECT_DOUBLE_EQ(one.recall, recall_at(rank, 10));
    EXPECT_DOUBLE_EQ(one.ndcg, ndcg_at(rank, 10));
    EXPECT_DOUBLE_EQ(one.mrr, mrr_at(rank, 10));
  }
}

TEST(Coverage, IsTheShareOfDistinctItems) {
  EXPECT_DOUBLE_EQ(coverage(std::vector<std::uint32_t>{1, 1, 3, 9}, 8), 0.25);
  EXPECT_DOUBLE_EQ(coverage({}, 8), 0);
  EXPECT_DOUBLE_EQ(coverage({}, 0), 0);
}

TEST(MeanPopularity, AveragesTheCounts) {
  const std::vector<std::uint32_t> popularity{10, 0, 4};
  EXPECT_DOUBLE_EQ(mean_popularity(std::vector<std::uint32_t>{0, 2}, popularity), 7);
  EXPECT_DOUBLE_EQ(mean_popularity({}, popularity), 0);
}

TEST(Gini, KnowsEqualityAndMonopoly) {
  EXPECT_NEAR(gini(std::vector<std::uint32_t>(10, 3)), 0, 1e-12);
  EXPECT_NEAR(gini(std::vector<std::uint32_t>{0, 0, 0, 8}), 0.75, 1e-12);  // (n - 1) / n
  EXPECT_NEAR(gini(std::vector<std::uint32_t>{1, 2, 3}), 2.0 / 9, 1e-12);
  EXPECT_DOUBLE_EQ(gini({}), 0);
  EXPECT_DOUBLE_EQ(gini(std::vector<std::uint32_t>{0, 0}), 0);
}

TEST(IntraListDiversity, IsTheMeanCosineDistanceOfPairs) {
  const Matrix<float> vectors({1, 0, 0, 2, 3, 0, 0, 0}, 4, 2);
  EXPECT_NEAR(intra_list_diversity(std::vector<std::uint32_t>{0, 2}, vectors.view()), 0, 1e-7);
  EXPECT_NEAR(intra_list_diversity(std::vector<std::uint32_t>{0, 1, 2}, vectors.view()), 2.0 / 3, 1e-7);
  EXPECT_NEAR(intra_list_diversity(std::vector<std::uint32_t>{0, 3}, vectors.view()), 1, 1e-7);
  EXPECT_DOUBLE_EQ(intra_list_diversity(std::vector<std::uint32_t>{1}, vectors.view()), 0);
}

std::vector<double> coin(std::size_t n, double p, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<double> values(n);
  for (auto& v : values) v = rng.uniform() < p ? 1.0f : 0.0f;
  return values;
}

TEST(Bootstrap, IntervalOfAMeanHasTheBinomialWidth) {
  const auto values = coin(4000, 0.2, 3);
  const Estimate e = bootstrap_mean(values, {.resamples = 2000, .seed = 9});
  const double width = 2 * 1.96 * std::sqrt(e.value * (1 - e.value) / 4000);
  EXPECT_LT(e.low, e.value);
  EXPECT_GT(e.high, e.value);
  EXPECT_NEAR((e.high - e.low) / width, 1, 0.08);
}

TEST(Bootstrap, CoversTheTrueMeanAboutAsOftenAsItSays) {
  int covered = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Estimate e = bootstrap_mean(coin(300, 0.3, 1000 + seed), {.resamples = 400, .seed = seed});
    covered += e.low <= 0.3 && 0.3 <= e.high ? 1 : 0;
  }
  EXPECT_GE(covered, 178);  // 190 expected, sd 3
}

TEST(Bootstrap, SameSeedSameIntervalOtherSeedAnother) {
  const auto values = coin(500, 0.4, 1);
  const Estimate a = bootstrap_mean(values, {.seed = 7}), b = bootstrap_mean(values, {.seed = 7});
  EXPECT_EQ(a.low, b.low);
  EXPECT_EQ(a.high, b.high);
  EXPECT_NE(bootstrap_mean(values, {.seed = 8}).low, a.low);
}

TEST(Bootstrap, DoesNotDependOnTheNumberOfThreads) {
  Matrix<double> values(400, 3);
  Rng rng(2);
  for (auto& v : values.values()) v = static_cast<float>(rng.uniform());
  const std::vector<ColumnPair> pairs{{0, 1}, {2, 1}};
  Executor one(1), four(4);
  const auto a = bootstrap(values.view(), pairs, {}, one);
  const auto b = bootstrap(values.view(), pairs, {}, four);
  for (std::size_t c = 0; c < 3; ++c) {
    EXPECT_EQ(a.columns[c].low, b.columns[c].low);
    EXPECT_EQ(a.columns[c].high, b.columns[c].high);
  }
  EXPECT_EQ(a.differences[1].low, b.differences[1].low);
}

TEST(Bootstrap, AConstantHasNoWidth) {
  const Estimate e = bootstrap_mean(std::vector<double>(50, 0.5));
  EXPECT_DOUBLE_EQ(e.low, 0.5);
  EXPECT_DOUBLE_EQ(e.high, 0.5);
  EXPECT_DOUBLE_EQ(bootstrap_mean({}).value, 0);
}

TEST(PairedDifference, SeesASmallGainThatUnpairedIntervalsHide) {
  auto base = coin(3000, 0.3, 4);
  auto better = base;
  std::size_t changed = 0;
  for (std::size_t u = 0; u < better.size() && changed < 30; ++u)
    if (better[u] == 0) better[u] = 1, ++changed;
  const Estimate difference = paired_difference(better, base);
  EXPECT_NEAR(difference.value, 0.01, 1e-6);
  EXPECT_GT(difference.low, 0);
  EXPECT_LT(bootstrap_mean(better).low, bootstrap_mean(base).high);  // unpaired: they overlap
}

TEST(PairedDifference, OfAModelWithItselfIsExactlyZero) {
  const auto values = coin(100, 0.5, 6);
  const Estimate e = paired_difference(values, values);
  EXPECT_EQ(e.value, 0);
  EXPECT_EQ(e.low, 0);
  EXPECT_EQ(e.high, 0);
}

TEST(ResampledMeans, AreTheMeansOfTheUsersThatWereDrawn) {
  // One column per user: the weights that a resample gives must be whole and add up.
  constexpr std::size_t kUsers = 37;
  Matrix<double> one_hot(kUsers, kUsers);
  for (std::size_t u = 0; u < kUsers; ++u) one_hot(u, u) = 1;
  Executor executor(3);
  const auto means = resampled_means(one_hot.view(), {.resamples = 101, .seed = 3}, executor);
  ASSERT_EQ(means.rows(), 101U);
  for (std::size_t r = 0; r < means.rows(); ++r) {
    double drawn = 0;
    for (const double mean : means.row(r)) {
      EXPECT_NEAR(mean * kUsers, std::round(mean * kUsers), 1e-9);
      drawn += mean * kUsers;
    }
    EXPECT_NEAR(drawn, kUsers, 1e-9);
  }
  // Another matrix of as many users: the same draws.
  Matrix<double> numbers(kUsers, 1);
  for (std::size_t u = 0; u < kUsers; ++u) numbers(u, 0) = static_cast<double>(u * u);
  const auto same = resampled_means(numbers.view(), {.resamples = 101, .seed = 3}, executor);
  for (std::size_t r = 0; r < means.rows(); ++r) {
    double expected = 0;
    for (std::size_t u = 0; u < kUsers; ++u) expected += means(r, u) * numbers(u, 0);
    EXPECT_NEAR(same(r, 0), expected, 1e-9);
  }
}

TEST(Lists, UnitDiversityIsTheMeanOverPairs) {
  Rng rng(5);
  Matrix<float> vectors(20, 7);
  for (std::size_t i = 0; i < 20; ++i) {
    if (i % 5 == 3) continue;  // a zero row: no content
    double norm = 0;
    for (float& x : vectors.row(i)) {
      x = static_cast<float>(rng.uniform() - 0.3);
      norm += static_cast<double>(x) * x;
    }
    for (float& x : vectors.row(i)) x = static_cast<float>(x / std::sqrt(norm));
  }
  std::vector<float> sum;
  for (std::size_t length = 0; length <= 12; ++length) {
    std::vector<std::uint32_t> list;
    for (std::size_t k = 0; k < length; ++k) list.push_back(static_cast<std::uint32_t>((k * 7) % 20));
    EXPECT_NEAR(unit_list_diversity(list, vectors.view(), sum), intra_list_diversity(list, vectors.view()), 1e-6);
  }
}

TEST(Lists, SelfInformationIsInBits) {
  const std::vector<std::uint32_t> counts{8, 4, 4, 0};
  const auto bits = self_information(counts);
  EXPECT_FLOAT_EQ(bits[0], 1);
  EXPECT_FLOAT_EQ(bits[1], 2);
  EXPECT_FLOAT_EQ(bits[3], 4);  // as if it had one event
  EXPECT_EQ(self_information(std::vector<std::uint32_t>{0, 0}), (std::vector<float>{0, 0}));
}

TEST(Calibration, SeesBoastsAndModestyInTheirBins) {
  std::vector<float> confidence;
  std::vector<unsigned char> hit;
  for (std::size_t i = 0; i < 3000; ++i) {  // says 0.2 and is right in one of five
    confidence.push_back(0.2F);
    hit.push_back(i % 5 == 0);
  }
  auto gaps = calibration_gaps(confidence, hit);
  EXPECT_NEAR(calibration_error(column_means(gaps.view())), 0, 1e-6);
  for (std::size_t i = 0; i < 1000; ++i) {  // says 0.9 and is right in one of two
    confidence.push_back(0.9F);
    hit.push_back(i % 2 == 0);
  }
  gaps = calibration_gaps(confidence, hit);
  EXPECT_NEAR(calibration_error(column_means(gaps.view())), 0.4 * 0.25, 1e-6);
  // Errors of opposite sign in different bins do not cancel.
  EXPECT_NEAR(calibration_error(column_means(calibration_gaps(std::vector<float>{0.1F, 0.9F},
                                                              std::vector<unsigned char>{1, 0}).view())),
              0.9, 1e-6);
}

}  // namespace
}  // namespace penchant::metrics
