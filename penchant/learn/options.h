#pragma once
/// \file Settings of one training run, and the presets they come from. Layer 5.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/artifact/manifest.h"
#include "penchant/base/result.h"
#include "penchant/learn/architecture.h"
#include "penchant/learn/launch.h"

namespace penchant::learn {

struct TrainOptions {
  Architecture architecture;

  // Network (docs/formats/release.md).
  std::uint32_t dim = 64;            ///< d; a multiple of 2 * heads
  std::uint32_t layers = 2;
  std::uint32_t heads = 2;
  std::uint32_t ffn = 256;           ///< inner width
  std::uint32_t max_len = 100;       ///< window in events
  std::uint32_t depth_layers = 1;
  std::uint32_t gaps = 32;           ///< time-gap buckets
  bool normalised = true;            ///< cosine head with a learned scale; false: dot product
  double logit_scale = 10;           ///< initial scale of the cosine head (1 / temperature)
  bool mix_layers = false;           ///< the user state is a learned mean of the input and of every block's output
  bool read_request = false;         ///< the user state knows how long after the newest event it is asked

  // Loss.
  std::uint32_t generator_epochs = 4; ///< passes for the depth decoder, after the user model; 0: the lookahead alone
  std::uint32_t multi_token = 1;     ///< K: predict the next K events from each position
  double multi_token_decay = 0.6;    ///< weight of event t+k is decay^(k-1), normalised to sum 1
  double engagement = 0;             ///< an event counts by its strength (TrainingData::strengths) to this power; 0: all alike
  double teacher_share = 0.5;        ///< with a teacher: how much of each target is what the teacher expects, [0, 1]
  std::uint32_t teacher_top = 32;    ///< the same: of how many of its likeliest items
  double next_action = 0;            ///< weight of the auxiliary loss: what is done with the next item
  double next_gap = 0;               ///< the same: how long until then
  double next_attributes = 0;        ///< the same: which attributes the next item has
  double label_smoothing = 0;        ///< [0, 1)
  double dropout = 0.2;              ///< after attention, in and after the feed-forward part
  double input_dropout = 0.2;        ///< on the event vectors
  double id_dropout = 0.1;           ///< chance that an item is seen by its content alone in one step
  double age = 0;                    ///< training events at which an item's own id counts for half of it; 0: learned
  bool borrow = true;                ///< what an id lacks (young or dropped) is made up for by the ids of items with like content

  // Sampled losses (architecture.loss).
  std::uint32_t negatives = 0;       ///< sampled items per group of positions
  double negative_power = 0;         ///< an item is drawn in proportion to (training events)^power; 0: all alike
  double calibration = 0.75;         ///< t of gBCE, [0, 1]: 0 is plain BCE, 1 a calibrated probability
  double score_penalty = 1;          ///< BPR-max: weight of the negatives' squared scores
  double mask_share = 0.2;           ///< cloze: share of the events that are masked
  double weight_scale = 0.02;        ///< standard deviation of new weight matrices; 0: uniform, by their width
  double id_scale = 0;               ///< standard deviation of new item ids; 0: what suits the head

  // Data.
  std::uint32_t batch = 64;          ///< windows that are computed at once
  std::uint32_t accumulate = 1;      ///< batches whose gradients make one step, averaged over all their positions: memory of one
  std::uint32_t stride = 50;         ///< new positions per further window of a long history, at most max_len
  bool shuffle_ties = true;          ///< order of events of one moment is redrawn every epoch; better not where ties_tell()

  // Optimiser.
  double learning_rate = 4e-3;
  double weight_decay = 0.05;        ///< AdamW, on matrices only
  double clip = 1;                   ///< largest norm of the gradient
  std::uint32_t warmup_steps = 100;
  bool cosine = true;                ///< learning rate falls to 5 % along a cosine; false: constant
  std::uint32_t epochs = 24;
  std::uint32_t patience = 8;        ///< epochs without a better validation NDCG@10 before it stops; 0: never
  std::uint32_t stop_after = 0;      ///< epochs to make of the schedule that `epochs` sets; 0: all
  bool refit = false;                ///< trained by train_then_refit (refit.h) where the caller knows it
  std::uint64_t seed = 1;
  std::uint32_t threads = 1;         ///< threads of LibTorch; the same number gives the same weights

  Launch launch;                     ///< the other ranks that learn the same network, of which each takes its share of `batch`

  // Files.
  std::string checkpoint;            ///< path of the checkpoint, rewritten after every epoch; empty: none
  bool resume = false;               ///< go on from `checkpoint` when it is there
};

/// What "auto" looks at.
struct DataSize {
  std::uint64_t events = 0, users = 0;  ///< of types that are learned from
};

/// Settings of "tiny", "small", "sparse", "base" or "large"; "auto": of the smallest, where the data are
/// not known yet. \return invalid_argument listing the names otherwise
Result<TrainOptions> preset_options(std::string_view preset);
/// The name that "auto" stands for: by the number of events, and "sparse" in place of "small" where
/// people have few of them.
[[nodiscard]] std::string_view preset_for(DataSize size) noexcept;

/// Sets one option by its name, e.g. "dropout=0.3"; true/false for switches. `seed`, `threads`,
/// `checkpoint` and `resume` are no settings.
/// \return invalid_argument naming the known settings, or the value that is no number
Status apply_setting(TrainOptions& options, std::string_view setting);

/// Every setting as "name=value": applied to options of the same architecture they give these again.
[[nodiscard]] std::vector<std::string> settings_of(const TrainOptions& options);

/// Checks ranges and that sizes fit together; invalid_argument naming the option.
Status validate(const TrainOptions& options);

/// Windows that one step of the optimiser learns from.
[[nodiscard]] constexpr std::uint32_t windows_per_step(const TrainOptions& options) noexcept { return options.batch * options.accumulate; }

/// Shape of the network for these options and data sizes.
[[nodiscard]] artifact::ModelShape shape_of(const TrainOptions& options, std::uint32_t items,
                                            std::uint32_t actions, std::uint32_t levels,
                                            std::uint32_t codebook);

}  // namespace penchant::learn
