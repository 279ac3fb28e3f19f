#include "penchant/base/executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

namespace penchant {
namespace {

TEST(Executor, VisitsEveryElementOnceWhateverTheThreadCount) {
  for (std::size_t threads : {1u, 2u, 5u}) {
    Executor executor(threads);
    for (std::size_t n : {0u, 1u, 7u, 1000u}) {
      std::vector<std::atomic<int>> visits(n);
      executor.parallel_for(n, 3, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) ++visits[i];
      });
      for (const auto& count : visits) EXPECT_EQ(count, 1);
    }
  }
}

TEST(Executor, RethrowsTheFirstExceptionAndStaysUsable) {
  Executor executor(3);
  EXPECT_THROW(executor.parallel_for(100, 1, [](std::size_t, std::size_t) { throw std::runtime_error("x"); }),
               std::runtime_error);
  std::atomic<std::size_t> sum{0};
  executor.parallel_for(100, 1, [&](std::size_t b, std::size_t e) { sum += e - b; });
  EXPECT_EQ(sum, 100u);
}

TEST(Executor, NestedLoopsRunInline) {
  Executor executor(2);
  std::atomic<int> inner{0};
  executor.parallel_for(8, 1, [&](std::size_t b, std::size_t e) {
    for (std::size_t i = b; i < e; ++i)
      executor.parallel_for(4, 1, [&](std::size_t ib, std::size_t ie) { inner += static_cast<int>(ie - ib); });
  });
  EXPECT_EQ(inner, 32);
}

}  // namespace
}  // namespace penchant
