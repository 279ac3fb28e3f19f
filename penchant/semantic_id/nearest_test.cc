#include "penchant/semantic_id/nearest.h"

#include <gtest/gtest.h>

#include <cmath>

#include "penchant/base/rng.h"

namespace penchant::semantic_id {
namespace {

Matrix<float> random_matrix(Rng& rng, std::size_t rows, std::size_t cols) {
  Matrix<float> m(rows, cols);
  for (auto& v : m.values()) v = static_cast<float>(rng.uniform() * 2 - 1);
  return m;
}

std::vector<Isa> isas_here() {
  std::vector<Isa> isas{Isa::baseline};
  if (best_isa() >= Isa::avx2) isas.push_back(Isa::avx2);
  if (best_isa() >= Isa::avx512) isas.push_back(Isa::avx512);
  return isas;
}

TEST(CodewordTable, FindsTheNearestAtAwkwardSizesOnEveryInstructionSet) {
  Executor executor(2);
  for (const std::size_t dim : {1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64})
    for (const std::size_t k : {1, 2, 31, 32, 33, 64, 70})
      for (const std::size_t n : {1, 5, 6, 12, 13, 95, 96, 97, 200}) {
        Rng rng(dim * 1000 + k * 10 + n);
        const auto codewords = random_matrix(rng, k, dim), rows = random_matrix(rng, n, dim);
        const CodewordTable table(codewords.view());
        for (const Isa isa : isas_here()) {
          std::vector<std::uint32_t> codes(n, 99);
          std::vector<float> distances(n, -1);
          table.nearest(rows.view(), codes, distances, executor, isa);
          for (std::size_t i = 0; i < n; ++i) {
            double best = INFINITY;
            for (std::size_t c = 0; c < k; ++c) {
              double d = 0;
              for (std::size_t j = 0; j < dim; ++j) d += std::pow(double(rows(i, j)) - codewords(c, j), 2);
              best = std::min(best, d);
            }
            // The kernel compares |c|^2/2 - <x,c>, each a sum of dim terms of at most 1, so two
            // codewords may change places within 2 * 2 * dim * dim * 2^-24.
            ASSERT_LT(codes[i], k);
            ASSERT_NEAR(distances[i], best, 4.0 * double(dim * dim) * 0x1p-24 + 1e-6)
                << "dim " << dim << " k " << k << " n " << n << " isa " << int(isa);
          }
        }
      }
}

TEST(CodewordTable, WideInstructionSetsAgreeToTheBitAndThreadsDoNotMatter) {
  if (best_isa() < Isa::avx512) GTEST_SKIP() << "no AVX-512 on this machine";
  Rng rng(3);
  const auto codewords = random_matrix(rng, 77, 45), rows = random_matrix(rng, 5000, 45);
  const CodewordTable table(codewords.view());
  std::vector<std::uint32_t> codes[3];
  std::vector<float> distances[3];
  for (int i = 0; i < 3; ++i) {
    Executor executor(i == 2 ? 1 : 3);
    codes[i].resize(5000);
    distances[i].resize(5000);
    table.nearest(rows.view(), codes[i], distances[i], executor, i == 0 ? Isa::avx2 : Isa::avx512);
    EXPECT_EQ(codes[i], codes[0]);
    EXPECT_EQ(distances[i], distances[0]);
  }
}

TEST(CodewordTable, TiesGoToTheLowestCodeword) {
  Matrix<float> codewords(70, 3);
  for (std::size_t k = 0; k < 70; ++k) codewords(k, 0) = k < 5 ? 9.0f : 1.0f;  // 5..69 are equal
  const CodewordTable table(codewords.view());
  Matrix<float> rows(20, 3);
  std::vector<std::uint32_t> codes(20);
  std::vector<float> distances(20);
  Executor executor(1);
  for (const Isa isa : isas_here()) {
    table.nearest(rows.view(), codes, distances, executor, isa);
    for (const auto code : codes) EXPECT_EQ(code, 5u);
  }
}

TEST(CodewordTable, ReadsStridedRows) {
  Rng rng(9);
  const auto wide = random_matrix(rng, 50, 20), codewords = random_matrix(rng, 9, 6);
  Matrix<float> packed(50, 6);
  for (std::size_t i = 0; i < 50; ++i)
    for (std::size_t j = 0; j < 6; ++j) packed(i, j) = wide(i, 4 + j);
  const CodewordTable table(codewords.view());
  Executor executor(1);
  std::vector<std::uint32_t> a(50), b(50);
  std::vector<float> da(50), db(50);
  table.nearest({wide.values().data() + 4, 50, 6, 20}, a, da, executor);
  table.nearest(packed.view(), b, db, executor);
  EXPECT_EQ(a, b);
  EXPECT_EQ(da, db);
}

}  // namespace
}  // namespace penchant::semantic_id
