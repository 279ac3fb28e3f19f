#pragma once
/// \file A trained baseline as a folder, and user vectors from it. Layer 5; the implementation
/// (LibTorch) is in torch/, this header is free of it. Bytes: docs/formats/sequences.md.
#include <cstdint>
#include <string>

#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"
#include "penchant/learn/options.h"
#include "penchant/learn/towers.h"
#include "penchant/learn/trainer.h"

namespace penchant::learn {

/// Writes model.safetensors, then model.json. The folder is made when absent.
Status write_baseline(const std::string& folder, const std::string& name, const TrainOptions& options,
                      const TrainedModel& model, double seconds);
Status write_baseline(const std::string& folder, const std::string& name, const TowerOptions& options,
                      const TrainedModel& model, double seconds);

/// score(user, item) = <users[user], items[item]> + bias[item].
struct Encoded {
  Matrix<float> users;      ///< [histories, d]
  Matrix<float> items;      ///< [n, d]
  std::vector<float> bias;  ///< [n]
};

/// Runs the network over all histories of a file, the longest batches together. Sets LibTorch's
/// thread count for the whole process.
/// \return not_found, corrupt naming the file and tensor, or invalid_argument
Result<Encoded> encode(const std::string& model_folder, const std::string& histories, std::uint32_t threads);

/// Tensors `users`, `items`, `bias`.
Status write_encoded(const std::string& path, const Encoded& encoded);

}  // namespace penchant::learn
