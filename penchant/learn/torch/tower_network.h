#pragma once
/// \file The two towers of docs/formats/towers.md as LibTorch functions. Private to penchant/learn/torch.
#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "penchant/learn/torch/network.h"
#include "penchant/learn/towers.h"

namespace penchant::learn {

/// Rows of a table to be averaged, in compressed rows: bag b is [offsets[b], offsets[b + 1]).
struct Bags {
  torch::Tensor rows;     ///< i64 [entries]
  torch::Tensor offsets;  ///< i64 [bags]
  torch::Tensor weights;  ///< f32 [entries]; of one bag they sum to 1, or to 0
};

/// Neighbours of every item in the graph of users and items, fixed before training.
struct Neighbours {
  Bags user_histories;        ///< [users] whole histories, for the vectors of neighbouring users
  torch::Tensor users;        ///< i64 [n, k], padded with 0
  torch::Tensor has_user;     ///< bool [n, k]
  torch::Tensor items;        ///< i64 [n, k], items that share most users, padded with 0
  torch::Tensor has_item;     ///< bool [n, k]
};

/// One kind of content, prepared.
struct TowerModality {
  std::string name;
  torch::Tensor vectors;    ///< f32 [n, dim], centred, unit rows; a zero row = missing
  torch::Tensor present;    ///< f32 [n, 1]
  torch::Tensor mean;       ///< f32 [dim], taken from unit rows before they were scaled again
  torch::Tensor centroids;  ///< f32 [K, dim]; undefined without clusters
  torch::Tensor cluster;    ///< i64 [n]; undefined without clusters
};

/// What the two towers of all items look like in one step.
struct TowerItems {
  std::vector<torch::Tensor> parts;  ///< per modality [n, 2d], what a user's interest averages
  torch::Tensor vectors;             ///< [n, D], D = d * (1 + modalities)
  torch::Tensor bias;                ///< [n]
};

class TowerNetwork {
 public:
  /// Random weights from LibTorch's generator.
  /// \param counts f32 [n], training events of each item
  TowerNetwork(const TowerOptions& options, std::vector<TowerModality> modalities, Neighbours neighbours,
               torch::Tensor counts);

  /// \param as_new bool [n], items shown as if never seen; undefined: those that never were
  [[nodiscard]] TowerItems items(bool training, const torch::Tensor& as_new = {}) const;
  struct Users {
    torch::Tensor vectors;                 ///< [users, D], times the learned scale
    std::vector<torch::Tensor> interests;  ///< per modality [users, d], unit rows
  };
  [[nodiscard]] Users users(const TowerItems& items, const Bags& histories, bool training) const;
  [[nodiscard]] const std::vector<Network::Weight>& weights() const noexcept { return weights_; }
  /// Tensors of docs/formats/towers.md.
  [[nodiscard]] std::vector<std::pair<std::string, torch::Tensor>> exported() const;

 private:
  struct Side {
    Linear projection, top, interest;
    torch::Tensor table;  ///< [K, d]; undefined without clusters
  };
  torch::Tensor add(std::string name, torch::Tensor value, bool decays);
  Linear linear(const std::string& name, std::int64_t out, std::int64_t in);
  /// What attention to neighbours gives, [n, d]. \param from [rows, d]
  [[nodiscard]] torch::Tensor attend(const Linear& key, const Linear& value, const torch::Tensor& from,
                                     const torch::Tensor& which, const torch::Tensor& has, bool training) const;
  [[nodiscard]] torch::Tensor behaviour(bool training) const;

  TowerOptions options_;
  std::vector<TowerModality> modalities_;
  Neighbours neighbours_;
  torch::Tensor seen_, bucket_;
  std::vector<Network::Weight> weights_;
  torch::Tensor id_, gate_, bias_, new_bias_, log_scale_;
  Linear query_, user_key_, user_value_, item_key_, item_value_, behaviour_, user_id_, intensity_;
  std::vector<Side> sides_;
};

}  // namespace penchant::learn
