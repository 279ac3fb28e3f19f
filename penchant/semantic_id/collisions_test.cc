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

/// Two levels of `k` codewords on a line; items at `places`, all with first code 0.
struct OneShelf {
  Codebooks books;
  Matrix<float> vectors;
  Matrix<Code> codes;
};
OneShelf one_shelf(std::uint32_t k, const std::vector<float>& places) {
  std::vector<Matrix<float>> levels{Matrix<float>(1, 1), Matrix<float>(k, 1)};
  for (std::uint32_t c = 0; c < k; ++c) levels[1](c, 0) = static_cast<float>(c);
  OneShelf out{Codebooks::create(std::move(levels)).value(), Matrix<float>(places, places.size(), 1), {}};
  Executor executor(1);
  out.codes = out.books.assign(out.vectors.view(), executor).value();
  return out;
}
std::vector<Code> last_codes(const CollisionOutcome& outcome) {
  std::vector<Code> out;
  for (std::size_t i = 0; i < outcome.codes.rows(); ++i) out.push_back(outcome.codes.row(i).back());
  return out;
}

TEST(CollisionPolicies, AreKnownByName) {
  for (const auto name : collision_policy_names()) EXPECT_EQ(name_of(parse_collision_policy(name).value()), name);
  const auto wrong = parse_collision_policy("first-come");
  ASSERT_FALSE(wrong.ok());
  EXPECT_NE(wrong.error().message.find("reassign, extra or popular"), std::string::npos);
}

TEST(CollisionPolicies, PopularLetsTheMostPopularItemStay) {
  const auto shelf = one_shelf(5, {2, 2, 2, 3, 2});
  const std::vector<std::int32_t> events{1, 9, 5, 0, 5};
  Executor executor(2);
  const auto out = resolve_collisions(shelf.books, shelf.vectors.view(), shelf.codes.view(), executor,
                                      {.policy = CollisionPolicy::popular, .popularity = events}).value();
  // Item 1 keeps 2, item 3 keeps its own 3; then item 2 before item 4 (row), item 0 last.
  EXPECT_EQ(last_codes(out), (std::vector<Code>{4, 2, 1, 3, 0}));
  EXPECT_EQ(out.moved, 3u);
  EXPECT_EQ(out.shared_before, 4u);
  EXPECT_EQ(out.shared, 0u);
  EXPECT_NEAR(out.cost, 1 + 4 + 4, 1e-5);
  EXPECT_EQ(out.counting_codes, 0u);
}

TEST(CollisionPolicies, PopularFillsAnOverfullPrefixEvenly) {
  const auto shelf = one_shelf(3, std::vector<float>(11, 1.0f));
  Executor executor(2);
  const auto out = resolve_collisions(shelf.books, shelf.vectors.view(), shelf.codes.view(), executor,
                                      {.policy = CollisionPolicy::popular}).value();
  std::map<Code, int> load;
  for (const auto code : last_codes(out)) ++load[code];
  EXPECT_EQ(load[1], 4) << "the nearest code of the last round is the one all want";
  EXPECT_EQ(load[0] + load[2], 7);
  EXPECT_EQ(out.overfull_prefixes, 1u);
  EXPECT_EQ(out.shared, 11u);
}

TEST(CollisionPolicies, ExtraAddsALevelThatOnlyCounts) {
  const auto shelf = one_shelf(5, {2, 2, 2, 3, 4});
  const std::vector<std::int32_t> events{1, 9, 5, 0, 5};
  Executor executor(2);
  const auto out = resolve_collisions(shelf.books, shelf.vectors.view(), shelf.codes.view(), executor,
                                      {.policy = CollisionPolicy::extra, .popularity = events}).value();
  ASSERT_EQ(out.codes.cols(), 3u);
  EXPECT_EQ(out.counting_codes, 3u);
  EXPECT_EQ(last_codes(out), (std::vector<Code>{2, 0, 1, 0, 0}));
  for (std::size_t i = 0; i < 5; ++i)
    EXPECT_TRUE(std::ranges::equal(out.codes.row(i).first(2), shelf.codes.row(i)));
  EXPECT_EQ(out.moved, 2u);
  EXPECT_EQ(out.shared_before, 3u);
  EXPECT_EQ(out.shared, 0u);
  EXPECT_EQ(out.cost, 0);

  // A new item starts as the most popular of its ID, and the trie and the report take the codes.
  const auto books = resolved_codebooks(shelf.books, out);
  EXPECT_EQ(books.levels(), 3u);
  EXPECT_EQ(books.codebook(2), 3u);
  std::vector<ItemId> rows;
  for (std::uint32_t i = 0; i < 5; ++i) rows.push_back(ItemId{i});
  const auto trie = ItemTrie::build(out.codes.view(), rows, books.codebook()).value();
  const auto fresh = place_new_item(books, trie, std::vector<float>{2.1f}).value();
  EXPECT_EQ(fresh.id.codes, (std::vector<Code>{0, 2, 0}));
  EXPECT_EQ(fresh.shares_with, 1u);
  EXPECT_EQ(trie.items_at(*trie.find(fresh.id.codes))[0], ItemId{1});
  EXPECT_FLOAT_EQ(fresh.id.distances[1], fresh.id.distances[2]);
}

TEST(CollisionPolicies, ExtraStartsAnewWhereACrowdIsLargerThanTheCodebooks) {
  const auto shelf = one_shelf(4, std::vector<float>(10, 1.0f));
  Executor executor(1);
  const auto out = resolve_collisions(shelf.books, shelf.vectors.view(), shelf.codes.view(), executor,
                                      {.policy = CollisionPolicy::extra}).value();
  EXPECT_EQ(out.counting_codes, 4u);
  EXPECT_EQ(last_codes(out), (std::vector<Code>{0, 1, 2, 3, 0, 1, 2, 3, 0, 1}));
  EXPECT_EQ(out.shared, 10u);
  EXPECT_EQ(out.overfull_prefixes, 1u);
  const auto alone = resolve_collisions(shelf.books, shelf.vectors.view().rows_from(0, 1),
                                        shelf.codes.view().rows_from(0, 1), executor,
                                        {.policy = CollisionPolicy::extra}).value();
  EXPECT_EQ(alone.counting_codes, 1u);  // there is a level also where nothing collides
  EXPECT_EQ(alone.codes.cols(), 3u);
}

TEST(CollisionPolicies, WhatIsKeptNeverMovesAndNewItemsTakeTheNearestFreePlace) {
  // Items 0 to 3 live, 1 and 2 on one ID that they have always shared; 4 to 6 are new, and 6 is the most popular.
  auto shelf = one_shelf(6, {2, 4, 4, 5, 2, 2.1f, 2.2f});
  const std::vector<std::uint8_t> kept{1, 1, 1, 1, 0, 0, 0};
  const std::vector<std::int32_t> events{0, 3, 1, 9, 1, 1, 7};
  Executor executor(2);
  for (const auto name : collision_policy_names()) {
    const auto out = resolve_collisions(shelf.books, shelf.vectors.view(), shelf.codes.view(), executor,
                                        {.policy = parse_collision_policy(name).value(), .popularity = events, .kept = kept}).value();
    EXPECT_EQ(last_codes(out), (std::vector<Code>{2, 4, 4, 5, 1, 0, 3})) << name;
    EXPECT_EQ(out.moved, 3u);
    EXPECT_EQ(out.shared, 2u);
    EXPECT_EQ(out.counting_codes, 0u) << "the codes count already, where they do";
  }
  // A new item whose nearest ID is free stays there.
  shelf.codes(4, 1) = 0;
  const auto out = resolve_collisions(shelf.books, shelf.vectors.view(), shelf.codes.view(), executor, {.kept = kept}).value();
  EXPECT_EQ(last_codes(out)[4], 0);
  EXPECT_FALSE(resolve_collisions(shelf.books, shelf.vectors.view(), shelf.codes.view(), executor,
                                  {.kept = std::span(kept).first(3)}).ok());
}

TEST(CollisionPolicies, AreTheSameOnAnyNumberOfThreadsAndRefuseWhatDoesNotFit) {
  Rng rng(5);
  Matrix<float> vectors = random_matrix(rng, 500, 4);
  std::vector<std::int32_t> events;
  for (int i = 0; i < 500; ++i) events.push_back(static_cast<std::int32_t>(rng.below(9)));
  Executor one(1), four(4);
  const auto fit = train_residual_kmeans(vectors.view(), {.levels = 2, .codebook = 32}, one).value();
  for (const auto name : collision_policy_names()) {
    const CollisionOptions how{.policy = parse_collision_policy(name).value(), .popularity = events};
    const auto a = resolve_collisions(fit.codebooks, vectors.view(), fit.codes.view(), one, how).value();
    const auto b = resolve_collisions(fit.codebooks, vectors.view(), fit.codes.view(), four, how).value();
    EXPECT_EQ(a.codes.values(), b.codes.values()) << name;
    EXPECT_LT(a.shared, a.shared_before) << name;
    EXPECT_TRUE(resolve_collisions(fit.codebooks, {}, {}, one, {.policy = how.policy}).ok()) << name;
    const CollisionOptions short_counts{.policy = how.policy, .popularity = std::span(events).first(3)};
    EXPECT_FALSE(resolve_collisions(fit.codebooks, vectors.view(), fit.codes.view(), one, short_counts).ok());
  }
  const auto deep = train_residual_kmeans(vectors.view(), {.levels = 16, .codebook = 2}, one).value();
  const auto refused = resolve_collisions(deep.codebooks, vectors.view(), deep.codes.view(), one,
                                          {.policy = CollisionPolicy::extra});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("adds a level"), std::string::npos);
}

}  // namespace
}  // namespace penchant::semantic_id
