#pragma once
/// \file The families of sequence models that the one trainer knows. Layer 5.
#include <cstdint>
#include <string_view>
#include <vector>

#include "penchant/base/result.h"

namespace penchant::learn {

struct TrainOptions;

/// What reads the history.
enum class Encoder : std::uint8_t {
  transformer,  ///< pre-norm blocks (SASRec, Kang and McAuley 2018; BERT4Rec, Sun et al. 2019)
  gru,          ///< GRU4Rec (Hidasi et al. 2016)
};

/// What is predicted.
enum class Objective : std::uint8_t {
  next_event,  ///< from each position the event after it
  cloze,       ///< masked events from both sides (BERT4Rec); a query ends with a mask
};

/// What the prediction is paid by.
enum class Loss : std::uint8_t {
  softmax,          ///< cross-entropy over the whole catalogue (Klenitskiy and Vasilev 2023)
  sampled_softmax,  ///< over the target and sampled items, logits corrected by the log of their expected counts
  bce,              ///< binary cross-entropy with sampled negatives; SASRec as first published takes one
  gbce,             ///< the same with the positive's probability raised to beta (gSASRec, Petrov and Macdonald 2023)
  bpr_max,          ///< BPR-max with score regularisation (Hidasi and Karatzoglou 2018)
};

/// Structure of a network beside its sizes. The defaults are Penchant's user foundation model.
struct Architecture {
  Encoder encoder = Encoder::transformer;
  Objective objective = Objective::next_event;
  Loss loss = Loss::softmax;
  bool rotary = true;     ///< rotary positions; false: a learned vector per position
  bool context = true;    ///< action and time gap of each event are read
  bool from_end = false;  ///< learned positions are counted backwards from the newest event, as padding on the left does
  bool scaled_input = true;  ///< event vectors are multiplied by sqrt(d) where they are read, item vectors not where they score
  bool drops_attention = true;  ///< dropout on attention weights too
  bool input_norm = false;  ///< the sum of item and position is layer-normalised before the first block
  bool item_bias = true;  ///< a learned bias per item
};

/// Settings of a baseline by name: gru4rec, gru4rec-bprmax, sasrec, sasrec-sampled, sasrec-bce,
/// sasrec-refit (refit.h), gsasrec or bert4rec. Numbers are found by `penchant tune`; whoever runs a baseline may set them anew.
/// \return invalid_argument listing the names otherwise
Result<TrainOptions> baseline_options(std::string_view model);
[[nodiscard]] const std::vector<std::string_view>& baseline_model_names();

}  // namespace penchant::learn
