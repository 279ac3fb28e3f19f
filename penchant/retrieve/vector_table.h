#pragma once
/// \file Item vectors by row, scanned exactly (filters are free), and the profile of a history.
/// Layer 4.
#include <span>
#include <vector>

#include "penchant/base/bitmap.h"
#include "penchant/base/matrix_view.h"
#include "penchant/catalog/ids.h"

namespace penchant::retrieve {

using catalog::ItemId;

/// [rows, dim] vectors of items; a zero row = none. Grows at the end.
/// Threads: const calls are safe together; changes need the caller's lock.
class VectorTable {
 public:
  VectorTable() = default;
  /// \param normalise every row is divided by its L2 norm when it is set
  VectorTable(std::size_t dim, bool normalise) : dim_(dim), normalise_(normalise) {}
  void assign(MatrixView<const float> rows);            ///< [any, dim]
  void grow(std::size_t rows);                          ///< new rows are zero
  void set(std::size_t row, std::span<const float> v);  ///< [dim]; grows; empty = zero row

  [[nodiscard]] std::size_t rows() const noexcept { return present_.size(); }
  [[nodiscard]] std::size_t dim() const noexcept { return dim_; }
  [[nodiscard]] std::span<const float> row(std::size_t r) const { return {values_.data() + r * dim_, dim_}; }
  [[nodiscard]] bool present(std::size_t r) const noexcept { return r < present_.size() && present_[r] != 0; }
  [[nodiscard]] MatrixView<const float> view() const { return {values_.data(), rows(), dim_}; }
  /// out[r] = <row r, query>; query [dim], out [rows].
  void scan(std::span<const float> query, std::span<float> out) const;
  /// Cosine of two rows; 0 where one is missing.
  [[nodiscard]] double cosine(std::size_t a, std::size_t b) const;

 private:
  std::vector<float> values_;          ///< [rows, dim]
  std::vector<unsigned char> present_; ///< [rows], 1 = not a zero row
  std::size_t dim_ = 0;
  bool normalise_ = false;
};

inline constexpr std::size_t kProfileEvents = 20;
inline constexpr double kProfileDecay = 0.9;

/// L2-normalised sum of the vectors of the newest kProfileEvents items, 0.9^age each; empty when
/// no item has a vector. \param history oldest first
[[nodiscard]] std::vector<float> content_profile(const VectorTable& table, std::span<const ItemId> history);

}  // namespace penchant::retrieve
