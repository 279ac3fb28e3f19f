#include "penchant/kernels/batch_top_k.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "penchant/kernels/int8_panels.h"
#include "penchant/kernels/simd_levels_testing.h"
#include "penchant/kernels/vectors.h"

namespace penchant::kernels {
namespace {
using testing::random_matrix;
using testing::random_vector;

struct Problem {
  Matrix<float> items, users;
  std::vector<float> bias;
  std::vector<std::uint64_t> offsets;
  std::vector<std::uint32_t> excluded;
  [[nodiscard]] Exclusions exclusions() const { return {offsets, excluded}; }
};

/// \param excluded_share of the items, per user
Problem random_problem(std::uint64_t seed, std::size_t items, std::size_t users, std::size_t dim, bool bias,
                       double excluded_share) {
  Rng rng(seed);
  Problem p{random_matrix(rng, items, dim), random_matrix(rng, users, dim), {}, {}, {}};
  if (bias) p.bias = random_vector(rng, items, 3);
  if (excluded_share <= 0) return p;
  p.offsets.push_back(0);
  for (std::size_t u = 0; u < users; ++u) {
    for (std::uint32_t i = 0; i < items; ++i)
      if (rng.uniform() < excluded_share) p.excluded.push_back(i);
    p.offsets.push_back(p.excluded.size());
  }
  return p;
}

/// The obvious way: score everything, drop what is excluded, sort.
std::vector<Scored> slow(const Problem& p, std::size_t k) {
  std::vector<Scored> out;
  for (std::size_t u = 0; u < p.users.rows(); ++u) {
    std::vector<Scored> all;
    for (std::uint32_t i = 0; i < p.items.rows(); ++i) {
      if (!p.offsets.empty()) {
        const auto begin = p.excluded.begin() + static_cast<std::ptrdiff_t>(p.offsets[u]);
        const auto end = p.excluded.begin() + static_cast<std::ptrdiff_t>(p.offsets[u + 1]);
        if (std::binary_search(begin, end, i)) continue;
      }
      const float product = dot(p.users.row(u), p.items.row(i));
      all.push_back({p.bias.empty() ? product : product + p.bias[i], i});
    }
    std::ranges::sort(all, ranks_before);
    all.resize(std::max(all.size(), k), {-std::numeric_limits<float>::infinity(), BatchTopK::kNone});
    out.insert(out.end(), all.begin(), all.begin() + static_cast<std::ptrdiff_t>(k));
  }
  return out;
}

void expect_exact(const Problem& p, std::size_t k, const std::string& what) {
  const auto expected = slow(p, k);
  for (const auto engine : {BatchTopK::Engine::automatic, BatchTopK::Engine::floats}) {
    const BatchTopK index(p.items.view(), p.bias, engine);
    std::vector<Scored> out(p.users.rows() * k);
    index.find(p.users.view(), k, p.exclusions(), out);
    for (std::size_t at = 0; at < out.size(); ++at)
      ASSERT_EQ(out[at], expected[at]) << what << ", " << index.engine_name() << ", user " << at / k
                                       << " place " << at % k << ": " << out[at].index << " instead of "
                                       << expected[at].index;
  }
}

TEST(BatchTopK, EqualsScoringEverything) {
  std::uint64_t seed = 1;
  for (const std::size_t items : {1U, 63U, 64U, 65U, 1500U})
    for (const std::size_t users : {1U, 5U, 6U, 61U, 130U})
      for (const std::size_t dim : {1U, 3U, 16U, 64U, 65U})
        for (const bool bias : {false, true}) {
          ++seed;
          const auto p = random_problem(seed, items, users, dim, bias, seed % 3 == 0 ? 0.2 : 0.0);
          for (const std::size_t k : {1U, 10U, 200U})
            expect_exact(p, k,
                         std::to_string(items) + " items, dim " + std::to_string(dim) + ", k " + std::to_string(k));
        }
}

TEST(BatchTopK, EqualScoresGoToTheLowerRow) {
  Rng rng(3);
  auto p = random_problem(3, 700, 40, 8, true, 0.1);
  for (float& x : p.items.values()) x = std::round(x * 1.5F);
  for (float& x : p.users.values()) x = std::round(x * 1.5F);
  for (float& x : p.bias) x = std::round(x * 0.4F);
  expect_exact(p, 10, "few different scores");
  std::ranges::fill(p.items.values(), 0.0F);
  std::ranges::fill(p.bias, 0.0F);
  expect_exact(p, 10, "all scores equal");
  std::ranges::fill(p.users.values(), 0.0F);
  expect_exact(p, 10, "zero users");
}

TEST(BatchTopK, ExactWhereEightBitsSeeNothing) {
  // One coordinate a thousand times the others: their differences vanish in the integers.
  auto p = random_problem(4, 900, 30, 16, false, 0);
  for (std::size_t i = 0; i < p.items.rows(); ++i) p.items(i, 3) = 1000;
  expect_exact(p, 10, "one large coordinate");
  // Norms over many orders of magnitude, and items that are almost the same.
  p = random_problem(5, 900, 30, 16, true, 0);
  for (std::size_t i = 0; i < p.items.rows(); ++i)
    for (float& x : p.items.row(i)) x *= std::pow(10.0F, static_cast<float>(i % 9) - 4);
  expect_exact(p, 10, "norms over nine orders");
  for (std::size_t i = 1; i < p.items.rows(); ++i) {
    std::ranges::copy(p.items.row(0), p.items.row(i).begin());
    p.items(i, i % 16) *= 1 + 1e-6F * static_cast<float>(i % 7);
  }
  expect_exact(p, 10, "near copies");
}

TEST(BatchTopK, AKnownFloorChangesNothing) {
  const Problem p = random_problem(11, 700, 50, 24, true, 0);
  for (const std::size_t k : {1, 10}) {
    const auto expected = slow(p, k);
    for (const auto engine : {BatchTopK::Engine::automatic, BatchTopK::Engine::floats})
      for (const float below : {0.0F, 0.5F, 100.0F}) {
        std::vector<float> floors;
        for (std::size_t u = 0; u < p.users.rows(); ++u) floors.push_back(expected[u * k + k - 1].score - below);
        std::vector<Scored> out(p.users.rows() * k);
        BatchTopK(p.items.view(), p.bias, engine).find(p.users.view(), k, {}, out, floors);
        EXPECT_EQ(out, expected) << k << " best, floors " << below << " below";
      }
  }
}

TEST(BatchTopK, ExclusionsMayLeaveNothing) {
  auto p = random_problem(6, 30, 3, 4, false, 1.1);
  expect_exact(p, 5, "all excluded");
}

TEST(BatchTopK, RefusesWhatIsNotFiniteOrDoesNotFit) {
  auto p = random_problem(7, 30, 3, 4, false, 0);
  const BatchTopK index(p.items.view());
  std::vector<Scored> out(3);
  EXPECT_THROW(index.find(p.users.view(), 2, {}, out), InternalError);
  p.users(1, 1) = NAN;
  EXPECT_THROW(index.find(p.users.view(), 1, {}, out), InternalError);
  p.items(2, 2) = INFINITY;
  EXPECT_THROW(BatchTopK(p.items.view()), InternalError);
}

TEST(Int8Panels, MasksEqualPlainSums) {
  if (!has_int8_panels()) GTEST_SKIP() << "Int8Panels: this CPU has no AVX-512 VNNI";
  Rng rng(8);
  for (const std::size_t steps : {1U, 5U, 16U, 97U}) {
    std::vector<std::uint8_t> panel(steps * kInt8Panel * kInt8Step);
    for (auto& code : panel) code = static_cast<std::uint8_t>(rng.below(256));
    std::vector<std::int8_t> users(kInt8Users * steps * kInt8Step);
    for (auto& code : users) code = static_cast<std::int8_t>(static_cast<int>(rng.below(255)) - 127);
    std::int32_t start[kInt8Users], least[kInt8Users];
    for (std::size_t u = 0; u < kInt8Users; ++u) {
      start[u] = static_cast<std::int32_t>(rng.below(2000)) - 1000;
      least[u] = static_cast<std::int32_t>(rng.below(40'000)) - 20'000;
    }
    std::uint64_t masks[kInt8Users];
    const unsigned hit = int8_panel_masks(panel.data(), steps, users.data(), steps * kInt8Step, start, least, masks);
    std::vector<std::int32_t> most(kInt8Users * kInt8Panel, -5000);
    int8_panel_maxima(panel.data(), steps, users.data(), steps * kInt8Step, start, most.data());
    for (std::size_t u = 0; u < kInt8Users; ++u) {
      EXPECT_EQ((hit >> u) & 1, masks[u] != 0 ? 1U : 0U);
      for (std::size_t i = 0; i < kInt8Panel; ++i) {
        std::int32_t sum = start[u];
        for (std::size_t c = 0; c < steps * kInt8Step; ++c)
          sum += panel[((c / kInt8Step) * kInt8Panel + i) * kInt8Step + c % kInt8Step] *
                 users[u * steps * kInt8Step + c];
        ASSERT_EQ((masks[u] >> i) & 1, sum >= least[u] ? 1U : 0U) << steps << " " << u << " " << i;
        ASSERT_EQ(most[u * kInt8Panel + i], std::max(sum, -5000)) << steps << " " << u << " " << i;
      }
    }
  }
}

}  // namespace
}  // namespace penchant::kernels
