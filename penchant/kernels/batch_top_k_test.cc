#include "penchant/kernels/batch_top_k.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <thread>

#include "penchant/kernels/int8_bars.h"
#include "penchant/kernels/int8_panels.h"
#include "penchant/kernels/simd_levels_testing.h"
#include "penchant/kernels/vectors.h"

namespace penchant::kernels {
namespace {
using testing::random_matrix;
using testing::random_vector;

constexpr std::array kEngines{BatchTopK::Engine::automatic, BatchTopK::Engine::vnni, BatchTopK::Engine::floats};

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
  for (const auto engine : kEngines) {
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
    for (const auto engine : kEngines)
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

/// Many threads may search, each with its own tiles, while others multiply with oneDNN's.
TEST(BatchTopK, ThreadsDoNotDisturbOneAnother) {
  const Problem p = random_problem(12, 1500, 150, 65, false, 0);
  const auto expected = slow(p, 10);
  const BatchTopK index(p.items.view()), floats(p.items.view(), {}, BatchTopK::Engine::floats);
  std::array<std::vector<Scored>, 4> outs;
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < outs.size(); ++t)
      threads.emplace_back([&, t] {
        outs[t].resize(expected.size());
        for (int round = 0; round < 5; ++round) {
          floats.find(p.users.view(), 10, {}, outs[t]);
          index.find(p.users.view(), 10, {}, outs[t]);
        }
      });
  }
  for (const auto& out : outs) EXPECT_EQ(out, expected);
}

/// Runs a check with each set of kernels that this CPU has.
template <class Check>
void with_int8_kernels(const Check& check) {
  if (vnni_kernels() == nullptr) GTEST_SKIP() << "Int8Kernels: this CPU has no AVX-512 VNNI";
  for (const Int8Kernels* kernels : {vnni_kernels(), amx_kernels()}) {
    if (kernels == nullptr) continue;
    SCOPED_TRACE(kernels->name);
    check(*kernels);
  }
}

TEST(Int8Kernels, HitsAndMaximaEqualPlainSums) {
  with_int8_kernels([](const Int8Kernels& kernels) {
    Rng rng(8);
    for (const std::size_t steps : {1U, 5U, 15U, 16U, 17U, 32U, 97U})
      for (const std::size_t groups : {1U, 3U}) {
        const std::size_t count = groups * kernels.users, stride = steps * kInt8Step + (groups == 3 ? 5 : 0);
        std::vector<std::uint8_t> panel(steps * kInt8Panel * kInt8Step);
        for (auto& code : panel) code = static_cast<std::uint8_t>(rng.below(256));
        std::vector<std::int8_t> users(count * stride);
        for (auto& code : users) code = static_cast<std::int8_t>(static_cast<int>(rng.below(255)) - 127);
        std::vector<std::int32_t> least(count);
        for (auto& bar : least)
          bar = static_cast<std::int32_t>(rng.below(40'000)) + (rng.uniform() < 0.5 ? 30'000 : -20'000);
        std::vector<Int8Hit> hits(count);
        std::vector<std::int32_t> most(count * kInt8Panel, -5000);
        const Int8Products products{panel.data(), steps, users.data(), stride, count};
        {
          const Int8Session session(kernels, steps);
          hits.resize(kernels.find(products, least.data(), hits.data()));
          kernels.maxima(products, most.data());
        }
        auto hit = hits.begin();
        for (std::uint32_t u = 0; u < count; ++u) {
          std::uint64_t items = 0;
          for (std::size_t i = 0; i < kInt8Panel; ++i) {
            std::int32_t sum = 0;
            for (std::size_t c = 0; c < steps * kInt8Step; ++c)
              sum += panel[((c / kInt8Step) * kInt8Panel + i) * kInt8Step + c % kInt8Step] *
                     users[u * stride + c];
            items |= static_cast<std::uint64_t>(sum >= least[u]) << i;
            ASSERT_EQ(most[u * kInt8Panel + i], std::max(sum, -5000)) << steps << " " << u << " " << i;
          }
          if (items == 0) continue;
          ASSERT_NE(hit, hits.end()) << steps << " " << u;
          ASSERT_EQ(hit->user, u) << steps;
          ASSERT_EQ(hit->items, items) << steps << " " << u;
          ++hit;
        }
        EXPECT_EQ(hit, hits.end()) << steps;
      }
  });
}

TEST(Int8Kernels, SumsOfTheLargestCodesFit) {
  with_int8_kernels([](const Int8Kernels& kernels) {
    const std::size_t steps = 65'000 / kInt8Step;
    const std::vector<std::uint8_t> panel(steps * kInt8Panel * kInt8Step, 255);
    const std::vector<std::int8_t> users(kernels.users * steps * kInt8Step, 127);
    const std::int32_t sum = 255 * 127 * 65'000;
    std::vector<std::int32_t> least(kernels.users, sum);
    least.back() = sum + 1;
    std::vector<Int8Hit> hits(kernels.users);
    const Int8Session session(kernels, steps);
    const Int8Products products{panel.data(), steps, users.data(), steps * kInt8Step, kernels.users};
    ASSERT_EQ(kernels.find(products, least.data(), hits.data()), kernels.users - 1);
    EXPECT_EQ(hits[0].items, ~0ULL);
  });
}

TEST(Int8Bars, AreTheSmallestSumsThatMayEnter) {
  with_int8_kernels([](const Int8Kernels& kernels) {
    ASSERT_EQ(kInt8Batch % kernels.users, 0U);
    Rng rng(9);
    Int8Bars bars;
    const std::size_t empty = kInt8Batch - 1;
    for (std::size_t u = 0; u < empty; ++u) {
      bars.reached[u] = (rng.uniform() * 2 - 1) * 10;
      bars.norm[u] = rng.uniform() * 8;
      bars.error[u] = rng.uniform() * 0.1;
      bars.inverse[u] = 1 / (0.001 + rng.uniform());
      bars.start[u] = -128.0 * static_cast<double>(rng.below(8000));
    }
    bars.reached[3] = -std::numeric_limits<double>::infinity();
    const Int8PanelBounds panel{.inverse = 40, .norm = 2, .rest = 2, .error = 0.02};
    const double rounding = 1e-5;
    EXPECT_TRUE(bars.update(panel, rounding));
    for (std::size_t u = 0; u < empty; ++u) {
      const double margin = bars.norm[u] * panel.error + bars.error[u] * (panel.norm + panel.error) +
                            rounding * bars.norm[u] * panel.norm;
      const double sum = (bars.reached[u] - margin) * bars.inverse[u] * panel.inverse - bars.start[u];
      if (u == 3)
        EXPECT_LT(bars.least[u], -2'147'000'000);
      else {
        EXPECT_LE(bars.least[u], sum) << u;
        EXPECT_GE(bars.least[u], sum - 2.001) << u;
      }
    }
    EXPECT_GT(bars.least[empty], 255 * 127 * 65'536);  // no sum is that large
    for (double& reached : bars.reached) reached = 17;
    EXPECT_FALSE(bars.update(panel, rounding));
    bars.norm[7] = 8.5;  // times 2, and the rounding
    EXPECT_TRUE(bars.update(panel, rounding));
  });
}

}  // namespace
}  // namespace penchant::kernels
