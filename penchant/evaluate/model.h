#pragma once
/// \file The one interface of everything that can be evaluated: baselines and releases. Layer 6.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"
#include "penchant/evaluate/event_log.h"
#include "penchant/evaluate/split.h"

namespace penchant::evaluate {

/// One user at one moment.
struct Query {
  std::span<const Interaction> history;  ///< oldest first, never empty; lives during the call
  std::uint32_t user = 0;                ///< row of the log
  std::int64_t at_ms = 0;                ///< moment of the request
};

/// Scores the whole catalogue after a history. One object may score under several names at once (a
/// release computes "penchant", "dense" and "generator" from one pass).
/// Threads: fit() by one thread; score() is const and safe from many threads afterwards.
class Model {
 public:
  virtual ~Model() = default;
  /// [columns] names as in the results, e.g. {"transitions"}; never empty.
  [[nodiscard]] virtual const std::vector<std::string>& names() const noexcept = 0;
  /// Learns from the training part, which is all it gets to see.
  virtual Status fit(const TrainingData& training, Executor& executor) = 0;
  /// Writes a score for every item: out [columns, items], higher is better; -infinity = the model
  /// cannot recommend this item. Everything in `out` is overwritten.
  virtual Status score(const Query& query, MatrixView<float> out) const = 0;
};

}  // namespace penchant::evaluate
