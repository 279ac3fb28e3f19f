#include "penchant/learn/torch/served_network.h"

namespace penchant::learn {

Result<Network> served_network(artifact::ModelShape shape, StartWeights weights, Executor& executor) {
  shape.levels = 0;  // items have a vector each, whatever it was made of
  std::erase_if(weights.tensors, [](const NamedTensor& t) { return t.name == "item.id"; });
  for (NamedTensor& t : weights.tensors)
    if (t.name == "item.vector") t.name = "item.id";
  Architecture architecture;
  architecture.scaled_input = false;  // exported vectors are scaled already
  Network network(shape, architecture, {}, torch::Tensor(), torch::ones({shape.items}), executor);
  PENCHANT_DO(network.start_from(weights));
  return network;
}

}  // namespace penchant::learn
