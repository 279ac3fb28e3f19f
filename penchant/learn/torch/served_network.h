#pragma once
/// \file The user model of a release as LibTorch runs it: an encoder and a dense head over item vectors as they are served.
/// Private to penchant/learn/torch.
#include "penchant/learn/torch/network.h"
#include "penchant/learn/trainer.h"

namespace penchant::learn {

/// \param shape of the release; \param weights `item.vector` and what else the encoder and the dense head read, in the form of
/// model.safetensors; the rest is left alone. \return as Network::start_from
Result<Network> served_network(artifact::ModelShape shape, StartWeights weights, Executor& executor);

}  // namespace penchant::learn
