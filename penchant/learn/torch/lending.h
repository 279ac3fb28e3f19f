#pragma once
/// \file The mean vector of every item's lenders (retrieve/lenders.h), with its gradient. Private to penchant/learn/torch.
#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/retrieve/lenders.h"

namespace penchant::learn {

/// A sparse matrix [n, n] of few entries per row, and its transpose. Immutable. Threads: safe together.
class Lending {
 public:
  /// \param lenders [n]
  explicit Lending(const retrieve::LenderTable& lenders);
  struct Rows {
    std::vector<std::uint64_t> offsets{0};  ///< [n + 1]
    std::vector<std::uint32_t> columns;
    std::vector<float> weights;
  };
  [[nodiscard]] const Rows& forward() const noexcept { return forward_; }
  [[nodiscard]] const Rows& backward() const noexcept { return backward_; }

 private:
  Rows forward_, backward_;
};

/// Row i: the weighted mean of the rows that lend to item i, zero where none does.
/// \param vectors [n, d], f32, or f64 for gradient checks; lending and executor outlive the gradient
[[nodiscard]] torch::Tensor lent(const Lending& lending, const torch::Tensor& vectors, Executor& executor);

}  // namespace penchant::learn
