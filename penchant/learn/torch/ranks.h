#pragma once
/// \file Several processes that train one network: data parallel. Private to penchant/learn/torch.
#include <torch/torch.h>

#include <memory>
#include <span>
#include <stdexcept>
#include <string>

#include "penchant/base/result.h"
#include "penchant/learn/launch.h"

namespace penchant::learn {

/// Another rank is gone, or cannot be reached any more.
class RankLost : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The ranks of one training (Li et al. 2020, "PyTorch Distributed"): each holds the whole network and learns from its
/// share of every step's windows; gradients are summed, so that all make the same move. Over c10d with Gloo. Every rank has
/// to make the same calls in the same order: a call returns when all have made it, at once where there is one rank alone.
/// All calls but join() throw RankLost. Threads: one.
class Ranks {
 public:
  /// Waits for the others, half an hour at most; GLOO_SOCKET_IFNAME chooses the network interface.
  /// \return unavailable when they do not come
  static Result<Ranks> join(const Launch& launch);
  Ranks(Ranks&&) noexcept;
  Ranks& operator=(Ranks&&) noexcept;
  ~Ranks();

  [[nodiscard]] std::uint32_t rank() const noexcept { return launch_.rank; }
  [[nodiscard]] std::uint32_t size() const noexcept { return launch_.size; }
  [[nodiscard]] bool alone() const noexcept { return launch_.alone(); }
  [[nodiscard]] bool leads() const noexcept { return launch_.leads(); }

  double sum(double value);
  bool any(bool value);
  /// Of all ranks, into every rank's own. \param values contiguous, of one shape on all ranks
  void sum(torch::Tensor& values);
  /// Gives every rank the values of rank 0.
  void follow(std::span<torch::Tensor> values);
  /// Whether all ranks say the same text.
  bool agree(const std::string& text);

 private:
  struct Group;
  explicit Ranks(const Launch& launch);
  Launch launch_;
  std::unique_ptr<Group> group_;  ///< null: alone
};

}  // namespace penchant::learn
