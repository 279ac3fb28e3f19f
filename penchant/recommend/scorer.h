#pragma once
/// \file A release as a function: history in, ranker features of every item out. Used by the engine
/// and by evaluation, so that what is measured is what is served. Layer 5.
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "penchant/artifact/manifest.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"
#include "penchant/catalog/ids.h"
#include "penchant/rank/ranker.h"

namespace penchant::recommend {

/// One event of a history, oldest first. `type` as in the store ("rating", "view", …).
struct HistoryEvent {
  catalog::ItemId item{};
  std::string_view type;                                     ///< lives as long as the caller says
  double value = std::numeric_limits<double>::quiet_NaN();   ///< NaN: none
  std::int64_t time_ms = 0;
};

struct ScorerOptions {
  /// A control of evaluation: the semantic IDs are permuted among the items, nobody keeping their own,
  /// before anything is scored, so that the generator column reads another item's path. What the
  /// vectors hold (dense, content) stays. Same seed, same permutation.
  std::optional<std::uint64_t> code_permutation_seed;
  /// A control of evaluation: false leaves items that training never saw what counts, towers and generator say of them, which
  /// is next to nothing, instead of what those like them have (signals.h). Dense and content stay.
  bool cold_lane = true;
  /// Rows that are scored as if training had never seen them (make_new): a rehearsal with items whose users are known.
  /// [n], 1 = new; empty: none.
  std::span<const std::uint8_t> as_new = {};
};

/// Names the rows whose generator column is filled next, knowing the features so far (0 where it is not filled, which
/// no log-probability exceeds); called again until it names none. Rows in any order, none twice.
using GeneratorRows = std::function<std::vector<std::uint32_t>(const Matrix<float>& features)>;
[[nodiscard]] GeneratorRows no_rows();
/// As few rows as make the `exact` best fused scores those of filling all; what lies below may keep too high a score.
/// None where the generator weighs nothing, all where it weighs less. `ranker` outlives the result.
[[nodiscard]] GeneratorRows best_rows(const rank::Ranker& ranker, rank::Task task, std::size_t exact);

/// Release-only scoring (no catalogue, no rules). Threads: const calls are safe together.
class Scorer {
 public:
  /// Verifies and maps `<folder>`; corrupt or not_found otherwise; invalid_argument when codes are to
  /// be permuted and the release has none to tell items apart by.
  static Result<std::unique_ptr<Scorer>> load(const std::string& folder, const ScorerOptions& options = {});
  virtual ~Scorer() = default;
  [[nodiscard]] virtual std::size_t items() const noexcept = 0;
  [[nodiscard]] virtual const artifact::Manifest& manifest() const noexcept = 0;
  /// Names of the feature columns for the task "recommend", e.g. {"dense","generator","transitions",…}.
  [[nodiscard]] virtual const std::vector<std::string>& feature_names() const noexcept = 0;
  /// Features of every item, [items, features]; `at_ms` = the moment of the request (0 = not known, or
  /// times are positions). The generator column is exact (whole paths), not a beam, and costs more than all others
  /// together: it is filled for the rows of `generator`, or for all.
  virtual Result<Matrix<float>> features(std::span<const HistoryEvent> history, std::int64_t at_ms,
                                         const GeneratorRows& generator = {}) const = 0;
};

/// Fused score of every item. \param features [items, kHistoryFeatures]
[[nodiscard]] std::vector<float> fused_scores(const rank::Ranker& ranker, rank::Task task, const Matrix<float>& features);

}  // namespace penchant::recommend
