#pragma once
/// \file How likely is it that this user takes this shown item? Layer 5.
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/learn/click/click_data.h"
#include "penchant/learn/click/cross_network.h"
#include "penchant/learn/click/item_table.h"

namespace penchant::learn {

struct ClickOptions {
  std::size_t dim = 8;                    ///< numbers of an item vector
  std::size_t cross_layers = 2;
  std::vector<std::size_t> hidden{64, 32};  ///< widths of the deep part
  std::size_t history = 20;               ///< newest positives, and newest others, that are read
  std::size_t batch = 128;
  /// Chance that an item is read by a varied list of its pieces in a step (PieceRule::list_varied).
  double variation = 0.2;
  double rate = 0.002;                    ///< AdamW of the network
  double table_rate = 0.05;               ///< Adagrad of the item table
  double weight_decay = 0.01;             ///< of the network's weights
  std::uint64_t seed = 1;
};

/// A click model of the class of DCN-v2 (Wang et al., WWW 2021, arXiv:2008.13535) and DLRM (Naumov et
/// al. 2019). Input x0 = [item, mean of the liked, mean of the disliked, item * liked, item * disliked,
/// context], products element by element; cross layers and a ReLU network beside each other read x0 and
/// their outputs are added; logistic loss. What an item is lies in the ItemTable alone, so that models
/// with different tables have the same network. The same seed and calls give the same bytes.
/// Threads: one call at a time.
class ClickModel {
 public:
  /// \param items lives as long as the model; context c, as in the data it is given
  ClickModel(const ItemInputs& items, std::size_t context, const ClickOptions& options);
  /// One pass over the rows in the given order, a step per batch. \return the mean loss before each step
  double learn(const ClickData& data, std::span<const std::uint32_t> rows, Executor& executor);
  /// Logits. \param out [rows.size()]
  void score(const ClickData& data, std::span<const std::uint32_t> rows, std::span<float> out, Executor& executor);
  [[nodiscard]] const ItemTable& table() const noexcept { return table_; }

 private:
  struct Batch;
  [[nodiscard]] Batch gather(const ClickData& data, std::span<const std::uint32_t> rows, bool training, Executor& executor);
  [[nodiscard]] Matrix<float> to_vectors(const Batch& batch, MatrixView<const float> gradient) const;

  ClickOptions options_;
  Rng rng_;
  std::size_t context_;
  ItemTable table_;
  CrossNetwork network_;
  std::vector<std::uint32_t> local_;  ///< [items seen so far], place in the batch + 1, else 0
};

}  // namespace penchant::learn
