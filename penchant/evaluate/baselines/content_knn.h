#pragma once
/// \file Items whose content is like that of the history. Layer 6.
#include <string>
#include <vector>

#include "penchant/evaluate/baselines/factors.h"
#include "penchant/evaluate/model.h"

namespace penchant::evaluate {

/// Cosine between content vectors, summed over the history with age decay; an item with itself 0. The
/// only baseline besides hybrid that reaches items without a training event. Items without content
/// cannot be recommended.
class ContentKnn final : public Model {
 public:
  explicit ContentKnn(double decay) : decay_(decay) {}
  [[nodiscard]] const std::vector<std::string>& names() const noexcept override { return names_; }
  /// invalid_argument without content vectors, or when there is not one per item
  Status fit(const FitInput& input, Executor& executor, const ProgressSink& progress) override;
  Status score(std::span<const Query> queries, MatrixView<float> out) const override;
  [[nodiscard]] bool uses_seed() const noexcept override { return false; }

 private:
  double decay_;  ///< in (0, 1]
  std::vector<std::string> names_{"content-knn"};
  Matrix<float> content_;            ///< [items, d] unit rows, zero = missing
  std::vector<std::uint8_t> known_;  ///< [items]
  ItemVectors vectors_;
};

}  // namespace penchant::evaluate
