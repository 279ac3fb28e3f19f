#pragma once
/// \file One trial of a search: fit, rank the validation targets, measure. Layer 6.
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/progress.h"
#include "penchant/base/result.h"
#include "penchant/evaluate/content_vectors.h"
#include "penchant/evaluate/model.h"
#include "penchant/evaluate/split/split.h"

namespace penchant::evaluate {

/// A metric by name: its family and cut.
struct ValidationMetric {
  enum class Family : std::uint8_t { recall, ndcg, mrr } family = Family::ndcg;
  std::size_t k = 10;
};
/// "ndcg@10" and the like; invalid_argument listing the nine names otherwise.
Result<ValidationMetric> parse_validation_metric(std::string_view name);

/// The validation side of a split and nothing else of it. Threads: const calls are safe together.
class ValidationBench {
 public:
  /// Proves that no training event and no validation history reaches a test target.
  /// \return invalid_argument when there is no validation target, internal when the proof fails
  static Result<ValidationBench> make(Split split, Seen seen);

  /// SHA-256 of all that a trial learns from and is asked: training events, validation histories and
  /// targets, catalogue size. Test events do not change it.
  [[nodiscard]] std::string fingerprint() const;
  [[nodiscard]] const Split& split() const noexcept { return split_; }
  [[nodiscard]] std::size_t users() const noexcept { return users_; }
  [[nodiscard]] Seen seen() const noexcept { return seen_; }

  /// Pessimistic rank of every validation target, [cases].
  Result<std::vector<std::uint32_t>> ranks_of(std::unique_ptr<Model> model, const ContentVectors& content,
                                              std::uint64_t seed, Executor& executor,
                                              const ProgressSink& progress) const;
  /// [users] each user's mean of a metric over their targets.
  [[nodiscard]] std::vector<double> per_user(std::span<const std::uint32_t> ranks, ValidationMetric metric) const;
  /// Means over users of all nine metrics.
  [[nodiscard]] std::vector<std::pair<std::string, double>> all_metrics(std::span<const std::uint32_t> ranks) const;

 private:
  ValidationBench(Split split, Seen seen);
  Split split_;
  Seen seen_;
  TrainingData training_;
  std::vector<ValidationQuery> queries_;
  std::vector<std::uint32_t> rows_;  ///< [cases] user row
  std::size_t users_ = 0;
};

}  // namespace penchant::evaluate
