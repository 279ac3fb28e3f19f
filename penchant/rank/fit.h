#pragma once
/// \file Fits the weights of the ranker on lists whose right answer is known. Layer 4.
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"

namespace penchant::rank {

/// One list: the features of every candidate and which of them was chosen.
struct FitList {
  Matrix<float> features;   ///< [candidates, F], finite; the same F in every list
  std::size_t target = 0;   ///< row of the chosen candidate
  /// [candidates], finite, added to the scores: what is known before any weight (a prior score; the
  /// log of how many rows a sampled one stands for). Empty: 0.
  std::vector<float> offsets = {};
};

struct FitOptions {
  double l2 = 1e-3;              ///< penalty l2/2 |w|^2 per list, on weights of standardised features
  std::uint32_t iterations = 50; ///< Newton steps at most
  double tolerance = 1e-8;       ///< stop when a step gains less, relative to the loss
};

struct FitReport {
  std::vector<double> weights;   ///< [F], for features as given (not standardised)
  double loss_before = 0;        ///< mean negative log-likelihood per list, all weights 0 (offsets kept)
  double loss = 0;               ///< the same with `weights`
  std::uint32_t iterations = 0;
  bool converged = false;
};

/// Multinomial logistic regression: softmax over all candidates of a list, maximum likelihood of the
/// targets with L2, by damped Newton steps in double. Standardisation: each feature divided by its
/// mean standard deviation inside lists; a feature that never varies gets weight 0. Deterministic:
/// lists are summed in their order. Memory: F^2.
/// \return invalid_argument, naming the list, on no list, unequal F, a target out of range, offsets
/// of another length, or a feature or offset that is not finite
Result<FitReport> fit_weights(std::span<const FitList> lists, const FitOptions& options = {});

}  // namespace penchant::rank
