/// The whole way from content vectors to a trie on catalogues nobody wishes for.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "penchant/base/random_matrix_testing.h"
#include "penchant/semantic_id/collisions.h"
#include "penchant/semantic_id/given_ids.h"
#include "penchant/semantic_id/prefix_names.h"
#include "penchant/semantic_id/quantiser.h"
#include "penchant/semantic_id/report.h"

namespace penchant::semantic_id {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

/// Runs every step and checks what must hold whatever the vectors are.
void expect_ids(const std::string& what, MatrixView<const float> vectors, const QuantiserOptions& options,
                std::string_view quantiser, CollisionPolicy policy) {
  SCOPED_TRACE(what + ", " + std::string(quantiser) + ", " + std::string(name_of(policy)));
  Executor executor(2);
  const auto fit = fit_quantiser(quantiser, vectors, options, executor);
  ASSERT_TRUE(fit.ok()) << fit.error().message;
  for (const double error : fit->level_error) EXPECT_TRUE(std::isfinite(error));
  const auto out = resolve_collisions(fit->codebooks, vectors, fit->codes.view(), executor, {.policy = policy});
  ASSERT_TRUE(out.ok()) << out.error().message;
  EXPECT_LE(out->shared, vectors.rows());
  EXPECT_TRUE(std::isfinite(out->cost));
  const auto books = resolved_codebooks(fit->codebooks, *out);
  EXPECT_TRUE(books.check_codes(out->codes.view()).ok());
  const auto report = make_report(books, vectors, out->codes.view(), executor, {.pairs = 200});
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->shared, out->shared);
  EXPECT_EQ(to_json(*report).find("nan"), std::string::npos);
  std::vector<ItemId> rows(vectors.rows());
  for (std::uint32_t i = 0; i < rows.size(); ++i) rows[i] = ItemId{i};
  const auto trie = ItemTrie::build(out->codes.view(), rows, books.codebook());
  ASSERT_TRUE(trie.ok()) << trie.error().message;
  EXPECT_EQ(trie->size(), vectors.rows());
  std::size_t named = 0;
  for (const auto& name : PrefixNamer().children(*trie, ItemTrie::Node::root)) named += name.items;
  EXPECT_EQ(named, vectors.rows());
  const auto placed = place_new_item(books, *trie, vectors.row(0));
  ASSERT_TRUE(placed.ok()) << placed.error().message;
  EXPECT_TRUE(trie->find(std::span(placed->id.codes).first(1)).has_value());
}

void expect_ids(const std::string& what, const Matrix<float>& vectors, QuantiserOptions options) {
  std::vector<ItemPair> pairs;
  bool learnable = false;  // some pair of items with content
  const auto has_content = [&](std::size_t i) { return std::ranges::any_of(vectors.row(i), [](float v) { return v != 0; }); };
  for (std::uint32_t i = 1; i < vectors.rows(); ++i) {
    pairs.push_back({i - 1, i});
    learnable = learnable || (has_content(i - 1) && has_content(i));
  }
  options.pairs = pairs;
  options.steps = 20;
  Executor executor(2);
  for (const auto quantiser : quantiser_names())
    if (reads_pairs(quantiser) && !learnable)
      EXPECT_FALSE(fit_quantiser(quantiser, vectors.view(), options, executor).ok()) << what;
    else
      for (const auto policy : collision_policy_names())
        expect_ids(what, vectors.view(), options, quantiser, parse_collision_policy(policy).value());
}

Matrix<float> constant(std::size_t n, std::size_t dim, float value) {
  Matrix<float> m(n, dim);
  std::ranges::fill(m.values(), value);
  return m;
}

TEST(HostileCatalogue, GetsIdsHoweverPoorItIs) {
  const QuantiserOptions small{.codebook = 8, .iterations = 5};
  expect_ids("one item", random_matrix(1, 4, 1), small);
  expect_ids("one item of zeros", constant(1, 4, 0), small);
  expect_ids("two equal items", constant(2, 4, 0.5f), small);
  expect_ids("fewer items than codes", random_matrix(5, 4, 2), {.codebook = 64});
  expect_ids("constant vectors", constant(40, 4, -0.25f), small);
  expect_ids("nothing but zeros", constant(40, 4, 0), small);
  expect_ids("vectors of three numbers, one a level", random_matrix(60, 3, 4), small);
  expect_ids("one code per level", random_matrix(20, 4, 5), {.codebook = 1});
  auto tiny = random_matrix(50, 4, 6), huge = random_matrix(50, 4, 7);
  for (auto& v : tiny.values()) v *= 1e-38f;
  for (auto& v : huge.values()) v *= 1e12f;
  expect_ids("numbers that almost vanish", tiny, small);
  expect_ids("large numbers", huge, small);
  auto lonely = constant(50, 4, 0);
  lonely(17, 2) = 1;
  expect_ids("one item with content", lonely, small);
}

TEST(HostileCatalogue, OfAMillionDuplicatesIsDealtOutEvenly) {
  const auto vectors = constant(1'000'000, 2, 0.5f);
  Executor executor(2);
  const auto fit = fit_quantiser("residual-kmeans", vectors.view(), {.levels = 2, .codebook = 16, .iterations = 3}, executor).value();
  for (const auto name : collision_policy_names()) {
    const auto policy = parse_collision_policy(name).value();
    const auto out = resolve_collisions(fit.codebooks, vectors.view(), fit.codes.view(), executor, {.policy = policy}).value();
    std::map<Code, std::size_t> load;
    for (std::size_t i = 0; i < out.codes.rows(); ++i) ++load[out.codes.row(i).back()];
    EXPECT_EQ(load.size(), 16u) << name;
    for (const auto& [code, items] : load) EXPECT_EQ(items, 62'500u) << name << ", code " << code;
    EXPECT_EQ(out.shared, 1'000'000u) << name;
  }
}

TEST(HostileCatalogue, NumbersThatAreNoneAreRefusedWhereverTheyCome) {
  Executor executor(1);
  const auto good = random_matrix(30, 4, 1);
  const auto fit = fit_quantiser("residual-kmeans", good.view(), {.codebook = 4}, executor).value();
  for (const float bad : {kNan, kInf, -kInf}) {
    auto vectors = good;
    vectors(7, 2) = bad;
    for (const auto quantiser : quantiser_names()) {
      const auto refused = fit_quantiser(quantiser, vectors.view(), {.codebook = 4}, executor);
      ASSERT_FALSE(refused.ok()) << quantiser;
      EXPECT_NE(refused.error().message.find("row 7"), std::string::npos) << refused.error().message;
    }
    const auto says_row = [](const auto& result) {
      return !result.ok() && result.error().code == ErrorCode::invalid_argument &&
             result.error().message.find("row 7") != std::string::npos;
    };
    EXPECT_TRUE(says_row(fit.codebooks.assign(vectors.view(), executor)));
    EXPECT_TRUE(says_row(resolve_collisions(fit.codebooks, vectors.view(), fit.codes.view(), executor)));
    EXPECT_TRUE(says_row(make_report(fit.codebooks, vectors.view(), fit.codes.view(), executor)));
    EXPECT_TRUE(says_row(fit_codebooks(vectors.view(), fit.codes.view())));
    EXPECT_FALSE(place_new_item(fit.codebooks, {}, vectors.row(7)).ok());
  }
}

TEST(HostileCatalogue, VectorsOfAnotherWidthAreRefused) {
  Executor executor(1);
  const auto good = random_matrix(30, 4, 1), narrow = random_matrix(30, 3, 1);
  const auto fit = fit_quantiser("residual-kmeans", good.view(), {.codebook = 4}, executor).value();
  EXPECT_FALSE(fit.codebooks.assign(narrow.view(), executor).ok());
  EXPECT_FALSE(fit.codebooks.assign(narrow.row(0)).ok());
  EXPECT_FALSE(resolve_collisions(fit.codebooks, narrow.view(), fit.codes.view(), executor).ok());
  EXPECT_FALSE(make_report(fit.codebooks, narrow.view(), fit.codes.view(), executor).ok());
  EXPECT_FALSE(make_report(fit.codebooks, good.view().rows_from(0, 20), fit.codes.view(), executor).ok());
  EXPECT_FALSE(place_new_item(fit.codebooks, {}, narrow.row(0)).ok());
  for (const auto quantiser : quantiser_names()) {
    EXPECT_FALSE(fit_quantiser(quantiser, Matrix<float>(0, 4).view(), {}, executor).ok()) << "no items";
    EXPECT_FALSE(fit_quantiser(quantiser, Matrix<float>(3, 0).view(), {}, executor).ok()) << "no numbers";
  }
}

}  // namespace
}  // namespace penchant::semantic_id
