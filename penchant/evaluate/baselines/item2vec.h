#pragma once
/// \file item2vec: items as words, histories as sentences. Layer 6.
#include <string>
#include <vector>

#include "penchant/evaluate/baselines/factors.h"
#include "penchant/evaluate/model.h"

namespace penchant::evaluate {

struct Item2VecSettings {
  std::size_t dim = 64;
  std::size_t epochs = 40;
  std::size_t window = 5;      ///< largest distance of a pair; drawn from 1 to this for each event
  std::size_t negatives = 5;   ///< for each pair
  double learning_rate = 0.2;  ///< falls linearly to nothing
  double noise_power = 0.75;   ///< negatives drawn by (events of the item)^power
  double subsample = 0;        ///< items above this share of the events are left out now and then; 0 = never
  double decay = 0.7;          ///< of the query with age, in (0, 1]
};

/// Barkan, Koenigstein 2016 (arXiv:1603.04259) after Mikolov et al. 2013: skip-gram with negative sampling
/// over the histories. The query is the decayed sum of the unit input vectors of the history, the score
/// its dot product with the unit input vectors of the items (an item with itself 0, as in item-knn).
/// SGD on one thread, so the result depends on the seed alone.
class Item2Vec final : public Model {
 public:
  explicit Item2Vec(Item2VecSettings settings) : settings_(settings) {}
  [[nodiscard]] const std::vector<std::string>& names() const noexcept override { return names_; }
  Status fit(const FitInput& input, Executor& executor, const ProgressSink& progress) override;
  Status score(std::span<const Query> queries, MatrixView<float> out) const override;
  /// [items, dim] unit input vectors; zero rows for items without training events. After fit().
  [[nodiscard]] MatrixView<const float> vectors() const { return items_.view(); }

 private:
  Item2VecSettings settings_;
  std::vector<std::string> names_{"item2vec"};
  Matrix<float> items_;
  ItemVectors vectors_;
};

}  // namespace penchant::evaluate
