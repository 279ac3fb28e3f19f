#pragma once
/// \file What is bought now: events of the newest window. Layer 6.
#include <string>
#include <vector>

#include "penchant/evaluate/model.h"

namespace penchant::evaluate {

struct PopularityRecentSettings {
  double days = 30;    ///< window before the newest training event, where times are moments of the world
  double share = 0.2;  ///< elsewhere: this share of each user's events, the newest (at least one)
};

/// Number of training events of each item in the newest window; items of equal number by their events of
/// all time.
class PopularityRecent final : public Model {
 public:
  explicit PopularityRecent(PopularityRecentSettings settings) : settings_(settings) {}
  [[nodiscard]] const std::vector<std::string>& names() const noexcept override { return names_; }
  Status fit(const FitInput& input, Executor& executor, const ProgressSink& progress) override;
  Status score(std::span<const Query> queries, MatrixView<float> out) const override;
  [[nodiscard]] bool uses_seed() const noexcept override { return false; }

 private:
  PopularityRecentSettings settings_;
  std::vector<std::string> names_{"popularity-recent"};
  std::vector<float> scores_;
};

}  // namespace penchant::evaluate
