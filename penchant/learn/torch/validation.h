#pragma once
/// \file Judges a network on the validation cases. Private to penchant/learn/torch.
#include <cstdint>

#include "penchant/learn/torch/network.h"
#include "penchant/learn/torch/ranks.h"
#include "penchant/learn/training_data.h"

namespace penchant::learn {

inline constexpr std::size_t kValidationCases = 5000;  ///< more are sampled, the same in every epoch

/// Mean NDCG@10 of the dense head, full ranking, pessimistic ties, seen items removed when the data
/// say so; NaN without cases. Each rank asks its share.
[[nodiscard]] double validation_ndcg10(const Network& network, const TrainingData& data, std::uint64_t seed, Ranks& ranks);

}  // namespace penchant::learn
