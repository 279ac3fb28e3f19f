#pragma once
/// \file A release under the interface of the baselines. Layer 6.
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/evaluate/model.h"
#include "penchant/rank/ranker.h"
#include "penchant/recommend/scorer.h"

namespace penchant::evaluate {

/// What is shown of a release where nothing else is asked for.
inline constexpr std::array<std::string_view, 3> kReleaseColumns{"penchant", "dense", "generator"};

/// "penchant" is the fused score that is served; "dense" and "generator" are single columns of the
/// same pass. Ranks of "penchant" beyond the first 50 are estimates, unless "generator" is asked for too
/// (recommend::best_rows). Items that joined the catalogue after training score -infinity here: a release alone
/// does not know them.
class ReleaseColumns final : public Model {
 public:
  /// \param names any of "penchant" and the scorer's feature names, not empty
  /// \param types event type names of the log; copied
  /// \return invalid_argument listing the known names
  static Result<std::unique_ptr<Model>> make(std::shared_ptr<const recommend::Scorer> scorer,
                                             rank::Ranker ranker, std::vector<std::string> names,
                                             std::vector<std::string> types);
  [[nodiscard]] const std::vector<std::string>& names() const noexcept override { return names_; }
  /// A release is trained elsewhere: nothing is learned here.
  Status fit(const FitInput& input, Executor& executor, const ProgressSink& progress) override;
  Status score(std::span<const Query> queries, MatrixView<float> out) const override;
  [[nodiscard]] bool uses_seed() const noexcept override { return false; }

 private:
  static constexpr std::size_t kFused = static_cast<std::size_t>(-1);
  ReleaseColumns(std::shared_ptr<const recommend::Scorer> scorer, rank::Ranker ranker)
      : scorer_(std::move(scorer)), ranker_(std::move(ranker)) {}

  std::shared_ptr<const recommend::Scorer> scorer_;
  rank::Ranker ranker_;
  std::vector<std::string> names_, types_;
  std::vector<std::size_t> columns_;  ///< [names] feature column, or kFused
  bool asks_generator_ = false;       ///< some name is its column
  bool asks_fused_ = false;
  bool world_times_ = true;           ///< false: the moment of a request means nothing
};

/// The events of a query as a scorer of `known_items` items reads them; events of items that joined
/// later are left out. \param types must outlive the result
std::vector<recommend::HistoryEvent> to_history(std::span<const Interaction> events,
                                                const std::vector<std::string>& types,
                                                std::size_t known_items);

}  // namespace penchant::evaluate
