#pragma once
/// \file The vectors of items in a click model: rows of one table, and a projection of content. Layer 5.
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/rng.h"
#include "penchant/semantic_id/pieces/item_pieces.h"

namespace penchant::learn {

/// What items are made of. Everything it points to lives as long as the table.
struct ItemInputs {
  const semantic_id::ItemPieces* pieces = nullptr;  ///< null: no rows
  MatrixView<const float> content;                  ///< [items, x]; empty: no projection
};

/// e(i) = sum of the rows of i's pieces + W content(i). Learned by Adagrad (Duchi et al. 2011), whose
/// rate falls only for what was moved. The same calls give the same bytes.
/// Threads: one call at a time.
class ItemTable {
 public:
  /// \param dim numbers of a vector, at least 1; rows start uniform in ±0.05 / sqrt(dim), W likewise
  ItemTable(const ItemInputs& inputs, std::size_t dim, Rng& rng);
  [[nodiscard]] std::size_t dim() const noexcept { return dim_; }
  /// Of the rows and of W; what the optimiser keeps beside them is not counted.
  [[nodiscard]] std::size_t bytes() const noexcept { return (rows_.values().size() + weights_.values().size()) * sizeof(float); }
  /// An item, and which of its varied lists of pieces it is read by in a step of training.
  struct Use {
    static constexpr std::uint32_t kWhole = 0xffffffff;
    std::uint32_t item = 0, variation = kWhole;
  };
  /// [uses.size(), dim]. \param uses distinct items of the catalogue
  [[nodiscard]] Matrix<float> vectors(std::span<const Use> uses, Executor& executor) const;
  /// One step. \param gradient [uses.size(), dim], of the loss at vectors(uses)
  void step(std::span<const Use> uses, MatrixView<const float> gradient, double rate, Executor& executor);

 private:
  [[nodiscard]] std::span<const std::uint32_t> rows_of(const Use& use) const;
  ItemInputs inputs_;
  std::size_t dim_;
  Matrix<float> rows_, row_squares_;        ///< [table rows, dim]; sums of squared gradients
  Matrix<float> weights_, weight_squares_;  ///< [dim, x]
  Matrix<float> sums_;                      ///< [table rows, dim], gradients of the step under way, else zero
  std::vector<std::uint32_t> touched_;      ///< rows of sums_ that are not zero
  std::vector<std::uint8_t> is_touched_;    ///< [table rows]
};

}  // namespace penchant::learn
