#pragma once
/// \file The counting floors that any learned model has to beat. Layer 6.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "penchant/evaluate/model.h"
#include "penchant/retrieve/transitions.h"

namespace penchant::evaluate {

/// Weight of the history event of age a (0 = newest): kAgeDecay^a.
inline constexpr double kAgeDecay = 0.7;
inline constexpr std::size_t kHistoryReach = 100;  ///< older events weigh below 4e-16: left out

/// Number of training events of each item.
class Popularity final : public Model {
 public:
  [[nodiscard]] const std::vector<std::string>& names() const noexcept override { return names_; }
  Status fit(const FitInput& input, Executor& executor, const ProgressSink& progress) override;
  Status score(std::span<const Query> queries, MatrixView<float> out) const override;
  [[nodiscard]] bool uses_seed() const noexcept override { return false; }

 private:
  std::vector<std::string> names_{"popularity"};
  std::vector<float> counts_;
};

/// Cosine between item columns of the binary user-item matrix, an item with itself 0, summed over
/// the history with age decay. All neighbours are kept. Memory: 8 B per pair of items that share a user.
class ItemKnn final : public Model {
 public:
  [[nodiscard]] const std::vector<std::string>& names() const noexcept override { return names_; }
  Status fit(const FitInput& input, Executor& executor, const ProgressSink& progress) override;
  Status score(std::span<const Query> queries, MatrixView<float> out) const override;
  [[nodiscard]] bool uses_seed() const noexcept override { return false; }

 private:
  std::vector<std::string> names_{"item-knn"};
  std::vector<std::vector<std::uint32_t>> neighbours_;  ///< [items], ascending
  std::vector<std::vector<float>> similarity_;          ///< [items], as neighbours_
};

/// What follows what, as retrieve/transitions.h counts and scores it for serving.
class Transitions final : public Model {
 public:
  [[nodiscard]] const std::vector<std::string>& names() const noexcept override { return names_; }
  Status fit(const FitInput& input, Executor& executor, const ProgressSink& progress) override;
  Status score(std::span<const Query> queries, MatrixView<float> out) const override;
  [[nodiscard]] bool uses_seed() const noexcept override { return false; }

 private:
  std::vector<std::string> names_{"transitions"};
  retrieve::TransitionModel model_;
};

}  // namespace penchant::evaluate
