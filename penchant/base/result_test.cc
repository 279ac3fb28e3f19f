#include "penchant/base/result.h"

#include <gtest/gtest.h>

#include "penchant/base/bitmap.h"
#include "penchant/base/rng.h"

namespace penchant {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return invalid(std::to_string(n) + " is odd");
  return n / 2;
}
Result<int> quarter(int n) {
  PENCHANT_TRY(h, half(n));
  return half(h);
}

TEST(Result, TryPassesTheErrorOn) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().message, "3 is odd");
  EXPECT_EQ(quarter(6).error().code, ErrorCode::invalid_argument);
}

TEST(Result, ContextIsPutBeforeTheMessage) {
  EXPECT_EQ(invalid("n is 0").within("request").message, "request: n is 0");
}

TEST(Result, ValueOfAFailureThrowsInsteadOfInventingOne) {
  EXPECT_THROW((void)quarter(3).value(), InternalError);
}

TEST(Bitmap, FlipLeavesNoBitsPastTheEnd) {
  Bitmap map(70);
  map.set(3);
  map.flip();
  EXPECT_EQ(map.count(), 69u);
  EXPECT_FALSE(map.test(3));
  EXPECT_FALSE(map.test(70));
}

TEST(Rng, SameSeedSameNumbersAndBoundsHold) {
  Rng a(7), b(7), c(8);
  EXPECT_EQ(a(), b());
  EXPECT_NE(a(), c());
  for (int i = 0; i < 1000; ++i) {
    EXPECT_LT(a.below(10), 10u);
    const double u = a.uniform();
    EXPECT_TRUE(u >= 0 && u < 1);
  }
}

}  // namespace
}  // namespace penchant
