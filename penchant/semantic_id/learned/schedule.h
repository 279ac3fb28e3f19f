#pragma once
/// \file Which rows a step of training reads, at which rate, and its report. Layer 3.
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/progress.h"
#include "penchant/base/result.h"
#include "penchant/base/rng.h"

namespace penchant::semantic_id {

/// Steps that suit `rows` rows, `batch` at a time: `most`, but at most 200 passes over the rows.
[[nodiscard]] std::uint64_t step_count(std::size_t rows, std::size_t batch, std::uint64_t most) noexcept;

/// Rises to `rate` over the first twentieth of the steps, then falls in a straight line to 0.
[[nodiscard]] double rate_at(double rate, std::uint64_t step, std::uint64_t steps) noexcept;

/// Tells `sink` of every 16th step, as step "semantic IDs". \return cancelled when it says so
Status tell_step(const ProgressSink& sink, std::uint64_t step, std::uint64_t total, const char* detail);

/// Rows in a new random order every epoch.
class RowOrder {
 public:
  RowOrder(std::vector<std::uint32_t> rows, std::uint64_t seed);
  /// The next min(most, rows) of them, no row twice. Lives until the next call.
  std::span<const std::uint32_t> next(std::size_t most);

 private:
  std::vector<std::uint32_t> rows_;
  std::size_t at_ = 0;
  Rng rng_;
};

}  // namespace penchant::semantic_id
