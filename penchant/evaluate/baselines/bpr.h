#pragma once
/// \file BPR-MF: matrix factorisation that learns from pairs. Layer 6.
#include <cstdint>
#include <string>
#include <vector>

#include "penchant/evaluate/baselines/factors.h"
#include "penchant/evaluate/baselines/sampling.h"
#include "penchant/evaluate/model.h"

namespace penchant::evaluate {

struct BprSettings {
  std::size_t dim = 128;
  std::size_t epochs = 40;
  double learning_rate = 0.15;  ///< falls linearly to a tenth
  double regularization = 0.02;
  double negative_power = 0.75;  ///< negatives drawn by (events of the item)^power; 0 = uniform
  std::size_t fold_passes = 5;   ///< passes over the history of a query for its user's vector
};

/// Rendle et al. 2009, "BPR: Bayesian Personalized Ranking from Implicit Feedback" (arXiv:1205.2618), with
/// item biases. Plain SGD on one thread, so the result depends on the seed alone.
///
/// The vector of a query's user: the trained one (zero for a user without training events), moved on by
/// `fold_passes` passes of the same SGD over the distinct items of the query's history, item vectors
/// fixed; negatives drawn with a seed made of the model's seed and the user's row.
class Bpr final : public Model {
 public:
  explicit Bpr(BprSettings settings) : settings_(settings) {}
  [[nodiscard]] const std::vector<std::string>& names() const noexcept override { return names_; }
  Status fit(const FitInput& input, Executor& executor, const ProgressSink& progress) override;
  Status score(std::span<const Query> queries, MatrixView<float> out) const override;

 private:
  [[nodiscard]] std::uint32_t draw_negative(Rng& rng, std::span<const std::uint32_t> mine) const;
  void fold_in(const Query& query, std::span<float> user) const;

  BprSettings settings_;
  std::vector<std::string> names_{"bpr"};
  std::uint64_t seed_ = 1;
  std::vector<std::uint32_t> trained_items_;  ///< rows with a training event: what negatives come from
  AliasTable negatives_;                      ///< over trained_items_
  Matrix<float> users_, items_;               ///< [users, dim], [items, dim]
  std::vector<float> bias_;                   ///< [items]
  ItemVectors vectors_;
};

}  // namespace penchant::evaluate
