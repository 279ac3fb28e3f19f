#pragma once
/// \file iALS: implicit matrix factorisation by alternating least squares. Layer 6.
#include <cstddef>
#include <string>
#include <vector>

#include "penchant/evaluate/baselines/factors.h"
#include "penchant/evaluate/model.h"

namespace penchant::evaluate {

struct IalsSettings {
  std::size_t dim = 128;
  std::size_t epochs = 16;
  double unobserved_ratio = 8;    ///< weight of all pairs together over that of the seen ones: gives alpha0
  double regularization = 0.003;  ///< lambda
  double frequency_power = 1;     ///< nu: lambda grows with (events + alpha0 * others)^nu
  double init_deviation = 0.1;    ///< of the length of a vector at the start
  double decay = 0.7;             ///< weight of older events when a query's user is folded in, in (0, 1]
};

/// Hu, Koren, Volinsky 2008 with the settings of Rendle et al. 2022, "Revisiting the Performance of iALS on
/// Item Recommendation Benchmarks" (arXiv:2110.14037): minimises over user rows w and item rows h
///   sum_seen (w.h - 1)^2 + alpha0 sum_all (w.h)^2 + lambda sum_rows (seen + alpha0 * others)^nu |row|^2
/// with alpha0 = unobserved_ratio * seen pairs / (users * items), which keeps its meaning from sparse to
/// dense data: the best alpha0 of Beauty and of MovieLens-1M differ a hundredfold, the best ratio hardly.
///
/// The confidences of Hu et al. (c for a seen pair, 1 for the others, ridge r on every row) are the same
/// model with alpha0 = 1 / (c - 1), nu = 0 and lambda = r / c; its scores are c / (c - 1) times ours.
/// A small ratio fits the seen pairs closely: best where seen items leave the list. Where they stay, a
/// ratio some ten times as large is better, because what was seen then stands less in the way.
///
/// Every row is solved exactly. A half-step turns both sides into the eigenvectors of the Gram matrix of
/// the fixed side; there the quadratic of "all" is diagonal, and a row with n < dim events is a system of
/// size n (Woodbury), not dim: n^2 dim operations instead of dim^3. Users of the test are folded in from
/// their history by the same solver.
class Ials final : public Model {
 public:
  explicit Ials(IalsSettings settings) : settings_(settings) {}
  [[nodiscard]] const std::vector<std::string>& names() const noexcept override { return names_; }
  Status fit(const FitInput& input, Executor& executor, const ProgressSink& progress) override;
  Status score(std::span<const Query> queries, MatrixView<float> out) const override;
  /// alpha0, the weight of a pair that was not seen; a seen pair weighs 1 more. After fit().
  [[nodiscard]] double unobserved_weight() const noexcept { return alpha_; }

 private:
  void fill_diagonal(std::span<const float> gram, std::size_t seen, std::size_t others,
                     std::span<float> out) const;

  IalsSettings settings_;
  std::vector<std::string> names_{"ials"};
  double alpha_ = 0;             ///< alpha0
  std::size_t known_items_ = 0;  ///< items with a training event: the others of a fold-in are these
  Matrix<float> items_;          ///< [items, dim] in the eigenvectors of their own Gram matrix
  std::vector<float> gram_;      ///< [dim] its eigenvalues
  ItemVectors vectors_;          ///< items_, packed
};

}  // namespace penchant::evaluate
