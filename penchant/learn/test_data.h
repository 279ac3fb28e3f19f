#pragma once
/// \file Small synthetic catalogues and histories with a pattern to learn, for tests of this module.
#include <cmath>
#include <cstdint>

#include "penchant/base/rng.h"
#include "penchant/learn/options.h"
#include "penchant/learn/training_data.h"

namespace penchant::learn {

/// `items` items on a ring; a user steps from an item to the next but one most of the time. Content:
/// position on the ring; 2 levels of codes. The last event of every user is its validation case.
inline TrainingData ring_data(std::uint32_t items = 24, std::uint32_t users = 60, std::uint32_t length = 14,
                              std::uint64_t seed = 1) {
  Rng rng(seed);
  TrainingData d;
  d.items = items;
  d.actions = {{.type = "unknown"}, {.type = "view"}};
  for (std::uint32_t u = 0; u < users; ++u) {
    auto at = static_cast<std::uint32_t>(rng.below(items));
    std::int64_t time = 1'000'000'000'000 + static_cast<std::int64_t>(rng.below(1000)) * 60'000;
    for (std::uint32_t e = 0; e + 1 < length; ++e) {
      d.train.items.push_back(at);
      d.train.actions.push_back(1);
      d.train.times_ms.push_back(time);
      d.train.is_target.push_back(1);
      at = rng.uniform() < 0.9 ? (at + 2) % items : static_cast<std::uint32_t>(rng.below(items));
      time += static_cast<std::int64_t>(rng.below(5)) * 10'000;
    }
    d.train.offsets.push_back(d.train.items.size());
    d.validation.push_back({u, at, time});
  }
  constexpr std::size_t kDim = 6;
  Modality m{"text", "given", "", Matrix<float>(items, kDim)};
  d.codebook_size = 8;
  d.codes = Matrix<std::uint16_t>(items, 2);
  for (std::uint32_t i = 0; i < items; ++i) {
    double norm = 0;
    for (std::size_t k = 0; k < kDim; ++k) {
      const double angle = 2 * M_PI * i / items * double(k / 2 + 1) + (k % 2 ? M_PI / 2 : 0);
      m.vectors(i, k) = static_cast<float>(std::cos(angle));
      norm += std::cos(angle) * std::cos(angle);
    }
    for (float& v : m.vectors.row(i)) v = static_cast<float>(v / std::sqrt(norm));
    d.codes(i, 0) = static_cast<std::uint16_t>(i * 8 / items);
    d.codes(i, 1) = static_cast<std::uint16_t>(i % 8);
  }
  d.modalities.push_back(std::move(m));
  Matrix<float> level(d.codebook_size, kDim);
  for (std::size_t k = 0; k < level.values().size(); ++k) level.values()[k] = static_cast<float>(rng.uniform() - 0.5);
  d.codebooks = {level, level};
  d.removes_seen = false;
  count_events(d);
  return d;
}

/// A network that learns such data within seconds; all its epochs are made.
inline TrainOptions small_options() {
  TrainOptions o;
  o.dim = 16, o.heads = 2, o.ffn = 32, o.layers = 1, o.max_len = 10, o.stride = 5, o.batch = 16;
  o.epochs = 4, o.warmup_steps = 5, o.learning_rate = 1e-2, o.patience = 0;
  return o;
}

}  // namespace penchant::learn
