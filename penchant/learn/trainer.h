#pragma once
/// \file Trains the user foundation model. Layer 5; the implementation (LibTorch) is in torch/, this
/// header is free of it. Library: penchant_learn_torch.
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/artifact/manifest.h"
#include "penchant/base/result.h"
#include "penchant/learn/named_tensor.h"
#include "penchant/learn/options.h"
#include "penchant/learn/training_data.h"

namespace penchant::learn {

/// What a training that goes on from an earlier release began with; counts of items.
struct StartedFrom {
  std::string release;                          ///< its name
  std::uint32_t kept = 0, added = 0, gone = 0;  ///< known to both, to today's data alone, to the release alone
};

/// Weights to begin with, of a release (warm_start.h).
struct StartWeights {
  StartedFrom from;
  std::vector<NamedTensor> tensors;  ///< as in model.safetensors, in today's rows; "item.vector" is not needed
  double logit_scale = 1;            ///< of its manifest
};

/// A network that teaches, of a release (teacher.h): its encoder and dense head.
struct TeacherWeights {
  artifact::ModelShape shape;
  StartWeights weights;  ///< "item.vector" and what the encoder and the dense head read, in today's rows
};

/// What a training knows beforehand; nothing: random weights, and events alone to learn from.
struct Knowledge {
  const StartWeights* start = nullptr;
  const TeacherWeights* teacher = nullptr;
};

/// What one pass over the data came to.
struct EpochReport {
  std::uint32_t epoch = 0;          ///< 1-based
  double loss = 0;                  ///< nats per position
  double valid_ndcg10 = 0;          ///< full ranking; NaN without validation cases
  double learning_rate = 0;         ///< of the last step
  double seconds = 0;               ///< validation included
  double events_per_second = 0;     ///< positions learned from
  std::uint32_t skipped_steps = 0;  ///< steps whose gradient was not finite, left out
  std::uint32_t returns = 0;        ///< to the checkpoint before, each with half the learning rate, as too many were
};

/// What one pass for the generator came to.
struct GeneratorEpoch {
  std::uint32_t epoch = 0;  ///< 1-based; 0 is how it began: the lookahead alone, or the generator of an earlier release
  double loss = 0;          ///< nats by which it differs from the dense head, all levels together; NaN for epoch 0
  double valid_loss = 0;    ///< of validation users; NaN without
  double seconds = 0;       ///< validation included
};

struct TrainedModel {
  artifact::ModelShape shape;
  std::vector<NamedTensor> tensors;   ///< of the best epoch
  std::vector<EpochReport> epochs;
  std::vector<GeneratorEpoch> generator;  ///< empty where the model has no generator
  std::uint32_t best_epoch = 0;       ///< by validation NDCG@10, 0: what it started from; the last without validation
  double start_ndcg10 = std::numeric_limits<double>::quiet_NaN();  ///< of what it started from; NaN: random weights, or no validation
  double best_ndcg10 = 0;
  std::uint64_t parameters = 0;
};

/// Where training stands; sent after every step, `finished` set once per epoch.
struct TrainProgress {
  std::uint32_t epoch = 0, epochs = 0;    ///< running epoch, 1-based; and at most this many
  std::uint64_t step = 0, steps = 0;      ///< inside the epoch
  double loss = 0;                        ///< mean of the epoch so far
  double events_per_second = 0;
  double seconds_left = 0;                ///< if no early stop comes
  const EpochReport* finished = nullptr;  ///< lives until the sink returns
  std::string_view phase;                 ///< which of several trainings this is; empty: the only one or the first
};
/// Called from the training thread; false cancels (the checkpoint of the last epoch stays).
using TrainSink = std::function<bool(const TrainProgress&)>;

/// Trains until the last epoch or the early stop.
///
/// Same data, options (seed and threads included) and machine give the same bytes, also when a run
/// was cut off and resumed from its checkpoint. Threads: sets LibTorch's thread count for the whole
/// process; one call at a time.
/// \return invalid_argument (options, data, or a checkpoint of another run), cancelled,
/// resource_exhausted, corrupt (checkpoint), unavailable when another rank is gone, or internal when the loss does not
/// stay finite: with a checkpoint it goes back there and on with half the learning rate first, five times in an epoch
Result<TrainedModel> train(const TrainingData& data, const TrainOptions& options, const TrainSink& sink = {});
/// The same with what is known beforehand. From given weights: where no epoch is better on validation than the start, the
/// start is what comes out. With a teacher: its TrainOptions::teacher_top likeliest items are targets beside the next item.
/// \return also invalid_argument where a weight does not fit its network, naming the tensor
Result<TrainedModel> train_from(const Knowledge& known, const TrainingData& data, const TrainOptions& options, const TrainSink& sink = {});

}  // namespace penchant::learn
