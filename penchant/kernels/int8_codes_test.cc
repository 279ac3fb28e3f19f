#include "penchant/kernels/int8_codes.h"

#include <cmath>

#include "penchant/kernels/simd_levels_testing.h"

namespace penchant::kernels {
namespace {

TEST(Int8Codes, AreTheNearestStepsAndTheirErrorIsNeverUnderstated) {
  Rng rng(4);
  testing::at_every_simd_level([&] {
    for (const std::size_t n : testing::kSizes)
      for (const double size : {1e-6, 1.0, 3e4}) {
        const auto v = testing::random_vector(rng, n, size);
        for (const float least : {0.0F, static_cast<float>(2 * size)}) {
          std::vector<std::int8_t> codes(n);
          const Int8Codes coded = encode_int8(v, least, codes);
          double most = least, sum = 0, squares = 0;
          for (std::size_t i = 0; i < n; ++i) {
            most = std::max(most, std::abs(static_cast<double>(v[i])));
            sum += codes[i];
            const double off = static_cast<double>(v[i]) - codes[i] * coded.scale;
            EXPECT_LE(std::abs(off), coded.scale * 0.50001);
            squares += off * off;
          }
          EXPECT_NEAR(coded.scale, most / kInt8Levels, 1e-12 * most);
          EXPECT_EQ(coded.sum, sum);
          EXPECT_GE(coded.error, std::sqrt(squares));
          EXPECT_LE(coded.error, std::sqrt(squares) * 1.001 + 1e-5 * most * std::sqrt(static_cast<double>(n)));
        }
      }
  });
}

TEST(Int8Codes, NothingIsAllZeros) {
  const std::vector<float> v(19, 0.0F);
  std::vector<std::int8_t> codes(19, 7);
  const Int8Codes coded = encode_int8(v, 0, codes);
  EXPECT_EQ(coded.scale, 1);
  EXPECT_EQ(coded.sum, 0);
  EXPECT_EQ(codes, std::vector<std::int8_t>(19, 0));
}

}  // namespace
}  // namespace penchant::kernels
