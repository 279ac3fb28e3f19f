#pragma once
/// \file What a larger release would recommend, as targets of a smaller one. Private to penchant/learn/torch.
#include <torch/torch.h>

#include "penchant/learn/torch/network.h"
#include "penchant/learn/trainer.h"

namespace penchant::learn {

/// Threads: one call at a time.
class Teacher {
 public:
  /// `executor` outlives it. \return as Network::start_from
  static Result<Teacher> make(const TeacherWeights& weights, Executor& executor);

  struct Lesson {
    torch::Tensor items;  ///< int64 [positions, top], most likely first
    torch::Tensor share;  ///< [positions, top], probabilities over these alone: rows sum to 1
  };
  /// What its dense head expects after each of `positions` (int64, rows of `events`). No gradients.
  [[nodiscard]] Lesson lesson(const EventTensors& events, const torch::Tensor& positions, std::int64_t top) const;

 private:
  explicit Teacher(Network network) : network_(std::move(network)) {}
  Network network_;
  torch::Tensor vectors_, items_;  ///< [n, d] as read, [d, n] as scored
};

}  // namespace penchant::learn
