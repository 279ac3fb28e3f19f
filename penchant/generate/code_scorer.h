#pragma once
/// \file What a search over semantic IDs asks of a generator. Layer 4.
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "penchant/base/matrix_view.h"

namespace penchant::generate {

/// Scores codes level by level for a batch of beams; holds the state of one search.
/// Threads: one search at a time; branches are independent.
class CodeScorer {
 public:
  virtual ~CodeScorer() = default;
  [[nodiscard]] virtual std::size_t levels() const = 0;    ///< L
  [[nodiscard]] virtual std::size_t codebook() const = 0;  ///< K
  /// Begins: log-probabilities [1, K] of the first code.
  virtual Matrix<float> start() = 0;
  /// Beam b continues old beam parents[b] with codes[b], the code of the level before:
  /// log-probabilities [beams, K] of the next level. At most L - 1 times after start().
  virtual Matrix<float> next(std::span<const std::uint32_t> parents,
                             std::span<const std::uint16_t> codes) = 0;
  /// A copy that goes on from here on its own.
  [[nodiscard]] virtual std::unique_ptr<CodeScorer> branch() const = 0;
};

}  // namespace penchant::generate
