#pragma once
/// \file Two towers over content and behaviour, for catalogues with content vectors. Layer 5; training
/// (LibTorch) is in torch/, this header is free of it.
///
/// M3CSR ("A Multi-modal Modeling Framework for Cold-start Short-video Recommendation", RecSys 2024):
/// an item is its behaviour side and one side per modality, mixed by a gate that knows how often the
/// item was seen; a modality's side reads the item's vector and a trainable row of its cluster. A user
/// is the history: an interest per modality, weighed by how much this user goes by that modality.
/// Written out in docs/formats/towers.md.
///
/// What differs from the paper, and why (measured in docs/measurements.md): the loss is a softmax over
/// the catalogue; users have no vector of their own, so a new user works from the first event; the gate
/// and the bias of a new item are learned by treating items as new at random.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/result.h"
#include "penchant/learn/trainer.h"
#include "penchant/learn/training_data.h"

namespace penchant::learn {

inline constexpr std::string_view kTowersModel = "m3csr";

struct TowerOptions {
  std::uint32_t dim = 64;          ///< d, of each side
  std::uint32_t clusters = 128;    ///< rows of a modality's cluster table; 0: no table
  std::uint32_t neighbours = 0;    ///< graph neighbours of each kind that an item reads; 0: none
  std::uint32_t history = 50;      ///< events of a user that are read
  bool ids = true;                 ///< behaviour side; false: content alone
  bool content = true;             ///< content sides; false: behaviour alone
  bool gate = true;                ///< popularity gate; false: one half
  bool intensities = true;         ///< modality weights of a user; false: equal
  bool shuffled_clusters = false;  ///< control: items get the cluster rows of other items
  bool pairwise = false;           ///< BPR with one uniform negative, as published; false: softmax
  double temperature = 0.07;       ///< of the intensities
  double decoupling = 0;           ///< weight of the penalty on interests of two modalities being alike
  double scale = 10;               ///< first factor of the cosines; learned
  double dropout = 0.3;            ///< on projected content and on the user's behaviour side
  double history_dropout = 0.2;    ///< share of the history left out of a step
  double id_dropout = 0.1;         ///< chance that an item is treated as new in a step
  double label_smoothing = 0;      ///< [0, 1)
  double learning_rate = 2e-3;     ///< of AdamW
  double weight_decay = 1e-4;      ///< of AdamW, on matrices
  std::uint32_t batch = 512;       ///< pairs of user and item for each step
  std::uint32_t epochs = 20;
  std::uint32_t patience = 5;      ///< epochs without a better validation NDCG@10 before it stops; 0: never
  std::uint64_t seed = 1;
  std::uint32_t threads = 1;
};

/// As for TrainOptions (options.h).
Status apply_setting(TowerOptions& options, std::string_view setting);
[[nodiscard]] std::vector<std::string> settings_of(const TowerOptions& options);
Status validate(const TowerOptions& options);

/// Trains on every (user, item) pair of `data.train`; order and times are not read. Same data, options
/// and machine: same bytes. Threads: as `train`.
/// \param data with at least one modality, unless `options.content` is false
/// \return tensors of docs/formats/towers.md; invalid_argument, cancelled, or internal when the loss
/// does not stay finite
Result<TrainedModel> train_towers(const TrainingData& data, const TowerOptions& options, const TrainSink& sink = {});

}  // namespace penchant::learn
