#pragma once
/// \file How far items that came after training lie from the codewords, against those of training.
/// Layer 3.
#include <cstddef>
#include <string>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"
#include "penchant/semantic_id/codebooks.h"

namespace penchant::semantic_id {

/// Distances are lengths of what the codes up to the level leave over, nearest codewords on both
/// sides (the collision policy moves only items of training); of what the encoder made of the content,
/// where there is one.
struct DriftLevel {
  double trained = 0;   ///< mean over the items of training
  double added = 0;     ///< mean over the items that came after
  double limit = 0;     ///< the 99th percentile over the items of training
  double outliers = 0;  ///< share of the items that came after beyond it; 0.01 is as in training
};

/// Items without content count on neither side.
struct DriftReport {
  std::size_t added = 0;            ///< items that came after training and have content
  std::size_t without_content = 0;  ///< those that came after and have none
  std::vector<DriftLevel> levels;   ///< [L]; empty where one side has no item with content
};

/// \param trained [n, x] content of training; added [m, x] of the items after it
/// \return invalid_argument on another width or numbers that are not finite
Result<DriftReport> measure_drift(const Codebooks& codebooks, MatrixView<const float> trained,
                                  MatrixView<const float> added, Executor& executor);

/// One JSON object, the field names of the structs.
[[nodiscard]] std::string to_json(const DriftReport& report);
/// A table for a terminal, at most 100 columns.
[[nodiscard]] std::string to_text(const DriftReport& report);

}  // namespace penchant::semantic_id
