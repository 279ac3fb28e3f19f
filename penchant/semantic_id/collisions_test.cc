#include "penchant/semantic_id/collisions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "penchant/base/rng.h"
#include "penchant/semantic_id/assignment.h"
#include "penchant/semantic_id/residual_kmeans.h"

namespace penchant::semantic_id {
namespace {

Matrix<float> random_matrix(Rng& rng, std::size_t rows, std::size_t cols) {
  Matrix<float> m(rows, cols);
  for (auto& v : m.values()) v = static_cast<float>(rng.uniform());
  return m;
}

double cost_of(const Matrix<float>& cost, std::span<const std::uint32_t> columns) {
  double sum = 0;
  for (std::size_t r = 0; r < columns.size(); ++r) sum += cost(r, columns[r]);
  return sum;
}

double best_by_trying_all(const Matrix<float>& cost) {
  std::vector<std::uint32_t> columns(cost.cols());
  std::iota(columns.begin(), columns.end(), 0u);
  double best = 1e30;
  do best = std::min(best, cost_of(cost, std::span(columns).first(cost.rows())));
  while (std::ranges::next_permutation(columns).found);
  return best;
}

TEST(Assignment, ExactEqualsTryingEveryPermutation) {
  Rng rng(1);
  for (int round = 0; round < 300; ++round) {
    const std::size_t cols = 1 + rng.below(7), rows = 1 + rng.below(cols);
    auto cost = random_matrix(rng, rows, cols);
    if (round % 3 == 0)
      for (auto& c : cost.values()) c = static_cast<float>(static_cast<int>(c * 4));  // ties
    const double best = best_by_trying_all(cost);
    const auto exact = min_cost_assignment(cost.view()), greedy = greedy_assignment(cost.view());
    EXPECT_EQ(std::set(exact.begin(), exact.end()).size(), rows);
    EXPECT_EQ(std::set(greedy.begin(), greedy.end()).size(), rows);
    EXPECT_NEAR(cost_of(cost, exact), best, 1e-5);
    EXPECT_GE(cost_of(cost, greedy), best - 1e-5);
  }
}

TEST(Assignment, ExactIsNeverDearerThanGreedyOnLargerOnes) {
  Rng rng(2);
  double exact_sum = 0, greedy_sum = 0;
  for (int round = 0; round < 20; ++round) {
    auto cost = random_matrix(rng, 60, 64);
    for (std::size_t r = 0; r < 60; ++r)  // everyone wants the first columns
      for (std::size_t c = 0; c < 64; ++c) cost(r, c) += static_cast<float>(c) * 0.02f;
    const double exact = cost_of(cost, min_cost_assignment(cost.view()));
    const double greedy = cost_of(cost, greedy_assignment(cost.view()));
    EXPECT_LE(exact, greedy + 1e-4);
    exact_sum += exact;
    greedy_sum += greedy;
  }
  EXPECT_LT(exact_sum, greedy_sum);
}

std::map<std::vector<Code>, std::size_t> loads(const Matrix<Code>& codes, std::size_t length) {
  std::map<std::vector<Code>, std::size_t> result;
  for (std::size_t i = 0; i < codes.rows(); ++i)
    ++result[{codes.row(i).begin(), codes.row(i).begin() + static_cast<std::ptrdiff_t>(length)}];
  return result;
}

TEST(Collisions, EveryPrefixWithRoomBecomesUniqueAndKeepsItsPrefix) {
  Executor executor(2);
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Rng rng(seed);
    const std::size_t n = 20 + rng.below(600);
    const auto vectors = random_matrix(rng, n, 6);
    const auto fit =
        train_residual_kmeans(
            vectors.view(), {.levels = 1 + static_cast<std::uint32_t>(seed % 3), .codebook = 8, .seed = seed},
            executor)
            .value();
    const std::size_t levels = fit.codes.cols();
    const auto out = resolve_collisions(fit.codebooks, vectors.view(), fit.codes.view(), executor).value();
    std::size_t shared = 0, moved = 0;
    for (const auto& [prefix, size] : loads(fit.codes, levels - 1)) {
      std::size_t smallest = n, largest = 0, used = 0;
      for (Code c = 0; c < 8; ++c) {
        auto id = prefix;
        id.push_back(c);
        const auto ids = loads(out.codes, levels);
        const auto found = ids.find(id);
        const std::size_t load = found == ids.end() ? 0 : found->second;
        smallest = std::min(smallest, load);
        largest = std::max(largest, load);
        used += load > 0;
        if (load > 1) shared += load;
      }
      EXPECT_EQ(used, std::min<std::size_t>(size, 8));
      EXPECT_LE(largest, (size + 7) / 8);
      if (size > 8) {
        EXPECT_GE(smallest, size / 8);
      }
    }
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t l = 0; l + 1 < levels; ++l) EXPECT_EQ(out.codes(i, l), fit.codes(i, l));
      moved += out.codes(i, levels - 1) != fit.codes(i, levels - 1);
    }
    EXPECT_EQ(out.shared, shared);
    EXPECT_EQ(out.moved, moved);
    if (out.overfull_prefixes == 0) {
      EXPECT_EQ(out.shared, 0u);
    }
  }
}

TEST(Collisions, CostIsTheRiseOfTheErrorAndExactIsTheCheaper) {
  Executor executor(1);
  Rng rng(5);
  const auto vectors = random_matrix(rng, 400, 5);
  const auto fit =
      train_residual_kmeans(vectors.view(), {.levels = 2, .codebook = 32, .seed = 3}, executor).value();
  const auto error = [&](const Matrix<Code>& codes) {
    std::vector<float> left(5);
    double sum = 0;
    for (std::size_t i = 0; i < 400; ++i) {
      fit.codebooks.residual(vectors.row(i), codes.row(i), 2, left);
      for (const float v : left) sum += double(v) * v;
    }
    return sum;
  };
  const auto exact = resolve_collisions(fit.codebooks, vectors.view(), fit.codes.view(), executor).value();
  const auto greedy =
      resolve_collisions(fit.codebooks, vectors.view(), fit.codes.view(), executor, {.exact_work = 0})
          .value();
  EXPECT_NEAR(exact.cost, error(exact.codes) - error(fit.codes), 1e-3);
  EXPECT_NEAR(greedy.cost, error(greedy.codes) - error(fit.codes), 1e-3);
  EXPECT_LE(exact.cost, greedy.cost);
  EXPECT_EQ(exact.greedy_prefixes, 0u);
  EXPECT_GT(greedy.greedy_prefixes, 0u);
  EXPECT_EQ(exact.shared, greedy.shared);
}

TEST(Collisions, TheSameOnAnyNumberOfThreads) {
  Rng rng(6);
  const auto vectors = random_matrix(rng, 3000, 4);
  Executor one(1), three(3);
  const auto fit = train_residual_kmeans(vectors.view(), {.codebook = 16}, one).value();
  const auto again = train_residual_kmeans(vectors.view(), {.codebook = 16}, three).value();
  EXPECT_EQ(fit.codes.values(), again.codes.values());
  const auto a = resolve_collisions(fit.codebooks, vectors.view(), fit.codes.view(), one).value();
  const auto b = resolve_collisions(fit.codebooks, vectors.view(), fit.codes.view(), three).value();
  EXPECT_EQ(a.codes.values(), b.codes.values());
  EXPECT_EQ(a.cost, b.cost);
}

TEST(Collisions, ItemsWithoutContentAreSpreadEvenly) {
  Executor executor(1);
  Rng rng(7);
  auto vectors = random_matrix(rng, 300, 4);
  for (std::size_t i = 100; i < 300; ++i) std::ranges::fill(vectors.row(i), 0.0f);
  const auto fit = train_residual_kmeans(vectors.view(), {.codebook = 16}, executor).value();
  for (std::size_t i = 101; i < 300; ++i)
    EXPECT_TRUE(std::ranges::equal(fit.codes.row(i), fit.codes.row(100)));
  const auto out = resolve_collisions(fit.codebooks, vectors.view(), fit.codes.view(), executor).value();
  for (const auto& [id, load] : loads(out.codes, 3)) EXPECT_LE(load, 200u / 16 + 1);
}

TEST(Collisions, ASmallLastLevelSetsTheRoomOfAPrefix) {
  Executor executor(1);
  Rng rng(8);
  const auto vectors = random_matrix(rng, 300, 4);
  const auto fit = train_residual_kmeans(vectors.view(), {.codebooks = {32, 4}}, executor).value();
  const auto out = resolve_collisions(fit.codebooks, vectors.view(), fit.codes.view(), executor).value();
  EXPECT_TRUE(fit.codebooks.check_codes(out.codes.view()).ok());
  const auto prefixes = loads(out.codes, 1);
  std::size_t overfull = 0;
  for (const auto& [prefix, load] : prefixes) overfull += load > 4;
  EXPECT_GT(overfull, 0u);
  EXPECT_EQ(out.overfull_prefixes, overfull);
  for (const auto& [id, load] : loads(out.codes, 2)) {
    const auto items = prefixes.at({id[0]});
    EXPECT_LE(load, (items + 3) / 4) << "the codes of an overfull prefix are filled evenly";
  }
}

TEST(Collisions, AWholeCatalogueOfEqualItemsIsDealtOut) {
  Executor executor(1);
  Matrix<float> vectors(100000, 3);
  for (auto& v : vectors.values()) v = 0.5f;
  const auto fit = train_residual_kmeans(vectors.view(), {.codebook = 64}, executor).value();
  const auto out = resolve_collisions(fit.codebooks, vectors.view(), fit.codes.view(), executor).value();
  const auto ids = loads(out.codes, 3);
  EXPECT_EQ(ids.size(), 64u);
  for (const auto& [id, load] : ids) EXPECT_NEAR(static_cast<double>(load), 100000.0 / 64, 1);
  EXPECT_EQ(out.shared, 100000u);
  EXPECT_EQ(out.overfull_prefixes, 1u);
}

TEST(Collisions, RefusesCodesThatDoNotFit) {
  Executor executor(1);
  Matrix<float> vectors(3, 2);
  const auto fit = train_residual_kmeans(vectors.view(), {.codebook = 4}, executor).value();
  auto codes = fit.codes;
  codes(1, 2) = 4;
  const auto out = resolve_collisions(fit.codebooks, vectors.view(), codes.view(), executor);
  ASSERT_FALSE(out.ok());
  EXPECT_EQ(out.error().message, "codes row 1, level 2: code 4 is not below 4");
  EXPECT_FALSE(
      resolve_collisions(fit.codebooks, vectors.view(), {codes.values().data(), 2, 3}, executor).ok());
  EXPECT_TRUE(resolve_collisions(fit.codebooks, {}, {}, executor).ok());
}

}  // namespace
}  // namespace penchant::semantic_id
