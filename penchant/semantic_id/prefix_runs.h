#pragma once
/// \file Items grouped by the first codes of their semantic IDs. Layer 3.
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/matrix_view.h"
#include "penchant/catalog/ids.h"

namespace penchant::semantic_id {

/// Rows of codes [n, L] sorted by (codes, row), cut where the first `length` codes change.
class PrefixRuns {
 public:
  /// \param length 0..L; 0 gives one run of all rows. O(n log n). Keeps no reference to `codes`.
  PrefixRuns(MatrixView<const catalog::Code> codes, std::size_t length);
  [[nodiscard]] std::size_t size() const noexcept { return starts_.size() - 1; }
  /// Rows of run r, sorted by (codes, row); lives as long as this.
  [[nodiscard]] std::span<const std::uint32_t> operator[](std::size_t r) const {
    return std::span(rows_).subspan(starts_[r], starts_[r + 1] - starts_[r]);
  }
  /// Sorted position of its first row. Runs of a longer prefix nest in those of a shorter one.
  [[nodiscard]] std::size_t begin(std::size_t r) const { return starts_[r]; }

 private:
  std::vector<std::uint32_t> rows_;
  std::vector<std::size_t> starts_;  ///< [runs + 1]
};

/// Items that share all their codes with another item.
[[nodiscard]] std::size_t count_shared(MatrixView<const catalog::Code> codes);

}  // namespace penchant::semantic_id
