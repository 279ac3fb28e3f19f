#pragma once
/// \file Fits the generator to a finished user model. Private to penchant/learn/torch.
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/learn/torch/network.h"
#include "penchant/learn/torch/ranks.h"
#include "penchant/learn/trainer.h"
#include "penchant/learn/windows.h"

namespace penchant::learn {

/// Distils the dense head into the weights "depth.…": the Kullback-Leibler divergence, from the probability that the dense
/// head gives all items below a code to what the generator gives the code, of every level along the path of the next item.
/// The next item itself is no label: the user model knows the answers of training too well, and a generator that learned
/// them from its states would trust them too much (docs/decisions/0015-generator.md). Items without a training event are
/// no codes to choose from. The epoch of the least validation loss stays, epoch 0 (the weights as they are: at first the lookahead alone) among them;
/// without validation cases the last one. At most kLogitsAtOnce dense logits are in memory.
/// \return one report per epoch, 0 first; cancelled
Result<std::vector<GeneratorEpoch>> train_generator(Network& network, const TrainingData& data, const TrainOptions& options,
                                                    const std::vector<Window>& windows, Executor& executor, Ranks& ranks,
                                                    const TrainSink& sink);

}  // namespace penchant::learn
