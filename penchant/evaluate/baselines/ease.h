#pragma once
/// \file EASE^R: the linear autoencoder in closed form. Layer 6.
#include <cstdint>
#include <string>
#include <vector>

#include "penchant/evaluate/model.h"

namespace penchant::evaluate {

struct EaseSettings {
  double lambda = 250;  ///< ridge on every item-item weight; > 0
  double decay = 0.8;   ///< of the history row with age, in (0, 1]: 1 = the binary row of the paper
  std::size_t most_items =
      40'000;  ///< above this fit() refuses: 4 * items^2 bytes of memory, items^3 operations
};

/// Steck 2019, "Embarrassingly Shallow Autoencoders for Sparse Data", arXiv:1905.03375. With X the
/// binary user-item matrix and P = (X^T X + lambda I)^-1, weights B_ij = -P_ij / P_jj, diagonal 0;
/// score = history row times B. Items without training events cannot be recommended.
class Ease final : public Model {
 public:
  explicit Ease(EaseSettings settings) : settings_(settings) {}
  [[nodiscard]] const std::vector<std::string>& names() const noexcept override { return names_; }
  /// resource_exhausted above `most_items`; invalid_argument when lambda is too small for float32
  Status fit(const FitInput& input, Executor& executor, const ProgressSink& progress) override;
  Status score(std::span<const Query> queries, MatrixView<float> out) const override;
  [[nodiscard]] bool uses_seed() const noexcept override { return false; }

 private:
  EaseSettings settings_;
  std::vector<std::string> names_{"ease"};
  Matrix<float> weights_;               ///< [items, items] B, row = history item
  std::vector<std::uint32_t> unknown_;  ///< rows without training events
};

}  // namespace penchant::evaluate
