#pragma once
/// \file Content vectors moved to mean zero and mean squared length one while a network learns. Layer 3.
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "penchant/base/matrix_view.h"
#include "penchant/semantic_id/content_encoder.h"

namespace penchant::semantic_id {

/// (v - mean) * scale. Threads: const calls are safe together.
class Standardiser {
 public:
  /// \param rows [n, x], n >= 1. Rows that are all the same: scale 1.
  explicit Standardiser(MatrixView<const float> rows);
  /// The chosen rows, standardised, [chosen, x].
  [[nodiscard]] Matrix<float> batch(MatrixView<const float> rows,
                                    std::span<const std::uint32_t> chosen) const;
  /// The encoder that learned on standardised rows, made to read rows as they are.
  [[nodiscard]] Result<std::shared_ptr<const ContentEncoder>> fold_into(std::vector<DenseLayer> layers) const;

 private:
  std::vector<double> mean_;  ///< [x]
  double scale_ = 1;
};

/// Brings every row to length one, or leaves it zero. \return [n] the lengths they had
std::vector<float> to_unit_rows(Matrix<float>& rows);
/// From the gradient at unit rows to that at the rows before to_unit_rows(), in place.
/// \param unit [n, d]; lengths [n]; gradient [n, d]
void through_unit_rows(MatrixView<const float> unit, std::span<const float> lengths, Matrix<float>& gradient);

}  // namespace penchant::semantic_id
