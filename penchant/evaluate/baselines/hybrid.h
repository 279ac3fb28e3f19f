#pragma once
/// \file A weighted sum of the counting baselines and of content. Layer 6.
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "penchant/evaluate/model.h"

namespace penchant::evaluate {

struct HybridSettings {
  std::size_t queries = 2000;  ///< validation queries that the weights are found on, at most
  double decay = 0.7;          ///< of content-knn
};

/// transitions, item-knn, content-knn (where there is content) and the logarithm of popularity, each
/// brought to mean 0 and deviation 1 over the items of a query, added with weights that fit() finds on
/// the validation queries: coordinate search for NDCG@10 among the 100 best items of each part.
/// Without validation queries all parts weigh 1, popularity 0.1. An item without training events is
/// reached through its content; what a part says nothing about has its mean.
class Hybrid final : public Model {
 public:
  static constexpr std::size_t kParts = 4;
  explicit Hybrid(HybridSettings settings);
  ~Hybrid() override;
  [[nodiscard]] const std::vector<std::string>& names() const noexcept override { return names_; }
  Status fit(const FitInput& input, Executor& executor, const ProgressSink& progress) override;
  Status score(std::span<const Query> queries, MatrixView<float> out) const override;
  [[nodiscard]] bool uses_seed() const noexcept override { return false; }
  /// Of transitions, item-knn, popularity, content-knn; after fit().
  [[nodiscard]] const std::array<double, kParts>& weights() const noexcept { return weights_; }

 private:
  struct Pool;
  [[nodiscard]] Result<Pool> pool_of(const ValidationQuery& query, bool removes_seen) const;
  /// Standardised, [items].
  [[nodiscard]] Result<std::vector<float>> part_scores(std::size_t part, const Query& query) const;
  void find_weights(std::span<const Pool> pools);

  HybridSettings settings_;
  std::size_t items_ = 0;
  std::vector<std::string> names_{"hybrid"};
  std::vector<std::unique_ptr<Model>> parts_;  ///< the last only with content
  std::array<double, kParts> weights_{1, 1, 0.1, 1};
};

}  // namespace penchant::evaluate
