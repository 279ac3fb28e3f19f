#pragma once
/// \file Items borrow from the trained items whose content is most like their own: what an id, a vector or a count lacks
/// while an item is young is made up for by theirs. Layer 4. Why, and how much it gives: docs/decisions/0014-borrowing.md.
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/artifact/safetensors.h"
#include "penchant/base/result.h"
#include "penchant/retrieve/vector_table.h"

namespace penchant::retrieve {

inline constexpr std::size_t kLenders = 10;
inline constexpr double kLenderSharpness = 8;  ///< weight = cosine to this power

/// The lenders of every item row, at most kLenders each, nearest first; weights sum to 1 where there are any.
/// Memory: 80 bytes a row. Threads: const calls are safe together; changes need the caller's lock.
class LenderTable {
 public:
  [[nodiscard]] std::size_t items() const noexcept { return counts_.size(); }
  void grow(std::size_t items);  ///< new rows have no lenders
  void clear(std::size_t row);   ///< grows
  [[nodiscard]] std::span<const std::uint32_t> rows(std::size_t row) const noexcept;
  [[nodiscard]] std::span<const float> weights(std::size_t row) const noexcept;

  /// Finds anew for each of `rows` the trained rows of highest positive content cosine, itself left out, exact. One row is
  /// scanned for in O(items); many at once are found by kernels::BatchTopK, which needs 5 bytes per number of content
  /// while it runs. \param content unit rows, a zero row = none \param untrained [items], 1 = lends nothing
  void find(const VectorTable& content, std::span<const std::uint8_t> untrained, std::span<const std::uint32_t> rows);

  /// What the lenders of a row have on average, 0 without any. \param values one per lending row
  [[nodiscard]] float mean(std::size_t row, std::span<const float> values) const noexcept;
  [[nodiscard]] std::vector<float> mean(std::size_t row, const VectorTable& vectors) const;  ///< [dim]

  /// `lender.rows` I32 and `lender.weights` F32, both [items, kLenders], weight 0 = none.
  void write(artifact::SafeTensorsWriter& out) const;
  /// No rows where the file holds neither. \return corrupt, naming the tensor, on a wrong shape, a row not below `items`,
  /// or weights that are negative or do not sum to 1 or 0
  static Result<LenderTable> read(const artifact::SafeTensors& file, std::size_t items);

 private:
  std::vector<std::uint32_t> rows_;  ///< [items, kLenders]
  std::vector<float> weights_;       ///< [items, kLenders]
  std::vector<std::uint8_t> counts_; ///< [items]
};

}  // namespace penchant::retrieve
