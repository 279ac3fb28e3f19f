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
#include "penchant/base/progress.h"
#include "penchant/base/result.h"
#include "penchant/evaluate/event_log.h"
#include "penchant/evaluate/split/split.h"

namespace penchant::evaluate {

/// One user at one moment.
struct Query {
  std::span<const Interaction> history;  ///< oldest first, never empty; lives during the call
  std::uint32_t user = 0;                ///< row of the log
  std::int64_t at_ms = 0;                ///< moment of the request
  std::size_t number = 0;                ///< place in the list that prepare() was given
};

/// One validation target, for early stopping and for settings; never a test target.
struct ValidationQuery {
  std::span<const Interaction> history;  ///< training events of the user, oldest first
  std::uint32_t user = 0;
  std::uint32_t target = 0;  ///< item row
};

/// One kind of content ("text", "visual", …): a block of columns of FitInput::content. Each block of a
/// row has unit length times what normalising the whole row left, or is zero where the kind is missing.
struct ContentKind {
  std::string name;
  std::size_t begin = 0, dim = 0;
};

/// All that a model gets to see.
struct FitInput {
  const TrainingData& training;
  std::span<const ValidationQuery> validation;  ///< may be empty
  MatrixView<const float> content;              ///< [items, d] unit rows, a zero row = missing; empty = none
  std::span<const ContentKind> content_kinds;   ///< its blocks, in order of columns; empty: not told apart
  bool removes_seen = true;                     ///< validation ranks without items of the history
  /// What is asked comes after the validation targets and never is one of them: whoever has found its
  /// settings may learn from them too.
  bool validation_is_past = false;
  std::uint64_t seed = 1;                       ///< of everything random
};

/// Scores the whole catalogue after a history. One object may score under several names at once (a
/// release computes "penchant", "dense" and "generator" from one pass).
/// Threads: fit() and prepare() by one thread; score() is const and safe from many threads afterwards.
class Model {
 public:
  virtual ~Model() = default;
  /// [columns] names as in the results, e.g. {"transitions"}; never empty.
  [[nodiscard]] virtual const std::vector<std::string>& names() const noexcept = 0;
  /// Learns from the training part, which is all it gets to see. cancelled when `progress` says so.
  virtual Status fit(const FitInput& input, Executor& executor, const ProgressSink& progress) = 0;
  /// Is shown all queries that score() will be asked, query k with number k: a model whose states are
  /// cheaper together computes them here. The histories live until the last score().
  virtual Status prepare(std::span<const Query> queries, Executor& executor) {
    static_cast<void>(queries), static_cast<void>(executor);
    return {};
  }
  /// Writes a score for every item: row q * columns + c of `out` [queries * columns, items] is query
  /// q under name c; higher is better; -infinity = the model cannot recommend this item. Everything
  /// in `out` is overwritten.
  virtual Status score(std::span<const Query> queries, MatrixView<float> out) const = 0;
  /// True when softmax over the catalogue turns scores into the probability of the next item, as the
  /// model was trained to: only then is its calibration measured.
  [[nodiscard]] virtual bool scores_are_logits() const noexcept { return false; }
  /// False when another FitInput::seed changes nothing: such a model is fitted and ranked once for
  /// several seeds of one split.
  [[nodiscard]] virtual bool uses_seed() const noexcept { return true; }
};

}  // namespace penchant::evaluate
