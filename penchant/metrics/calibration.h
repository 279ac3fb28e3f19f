#pragma once
/// \file Does a stated probability come true as often as it says? Layer 2.
#include <cstddef>
#include <span>

#include "penchant/base/matrix_view.h"

namespace penchant::metrics {

inline constexpr std::size_t kCalibrationBins = 15;

/// How far confidence and outcome are apart, question by question: column b of row i is
/// confidence[i] - hit[i] when question i lies in bin b, else 0. Bins hold equally many questions, by
/// rising confidence (Nguyen, O'Connor 2015: adaptive bins; equal widths would put nearly all
/// recommendations into one bin). Questions of one confidence share a bin, so bins may be empty.
/// The expected calibration error is the sum over bins of |column mean|: see calibration_error().
/// \param confidence [n] in [0, 1]; \param hit [n] 1 = what was said came true, else 0
Matrix<double> calibration_gaps(std::span<const float> confidence, std::span<const unsigned char> hit,
                                std::size_t bins = kCalibrationBins);

/// Sum of |x| over the means of the columns of calibration_gaps().
[[nodiscard]] double calibration_error(std::span<const double> column_means);

}  // namespace penchant::metrics
