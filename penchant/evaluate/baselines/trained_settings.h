#pragma once
/// \file Settings of the baselines that penchant-train fits. The names are those of its --set. Layer 6.
#include "penchant/evaluate/baselines/registry.h"

namespace penchant::evaluate {

namespace setting {
constexpr Setting dim(double value) {
  return {.name = "dim",
          .value = value,
          .low = 32,
          .high = 256,
          .least = 8,
          .most = 2048,
          .logarithmic = true,
          .whole = true,
          .what = "length of a vector",
          .step = 8};
}
constexpr Setting layers(double value) {
  return {.name = "layers",
          .value = value,
          .low = 1,
          .high = 4,
          .least = 1,
          .most = 32,
          .whole = true,
          .what = "layers of the network"};
}
constexpr Setting heads(double value) {
  return {.name = "heads",
          .value = value,
          .low = 1,
          .high = 4,
          .least = 1,
          .most = 64,
          .whole = true,
          .what = "attention heads; 2 * heads divides dim"};
}
constexpr Setting ffn(double value) {
  return {.name = "ffn",
          .value = value,
          .low = 64,
          .high = 1024,
          .least = 8,
          .most = 16384,
          .logarithmic = true,
          .whole = true,
          .what = "inner width of a layer",
          .step = 8};
}
constexpr Setting max_len(double value) {
  return {.name = "max_len",
          .value = value,
          .low = 20,
          .high = 200,
          .least = 2,
          .most = 4096,
          .logarithmic = true,
          .whole = true,
          .what = "newest events that are read"};
}
constexpr Setting dropout(double value) {
  return {.name = "dropout",
          .value = value,
          .low = 0,
          .high = 0.7,
          .least = 0,
          .most = 0.95,
          .what = "after attention and in the feed-forward part"};
}
constexpr Setting input_dropout(double value) {
  return {.name = "input_dropout",
          .value = value,
          .low = 0,
          .high = 0.7,
          .least = 0,
          .most = 0.95,
          .what = "on the event vectors"};
}
constexpr Setting learning_rate(double value) {
  return {.name = "learning_rate",
          .value = value,
          .low = 2e-4,
          .high = 1e-2,
          .least = 1e-7,
          .most = 1,
          .logarithmic = true,
          .what = "of AdamW"};
}
constexpr Setting weight_decay(double value) {
  return {.name = "weight_decay",
          .value = value,
          .low = 0,
          .high = 0.2,
          .least = 0,
          .most = 10,
          .what = "of AdamW, on matrices"};
}
constexpr Setting batch(double value) {
  return {.name = "batch",
          .value = value,
          .low = 32,
          .high = 512,
          .least = 1,
          .most = 65536,
          .logarithmic = true,
          .whole = true,
          .what = "histories for each step"};
}
constexpr Setting epochs(double value) {
  return {.name = "epochs",
          .value = value,
          .low = 20,
          .high = 100,
          .least = 1,
          .most = 10000,
          .logarithmic = true,
          .whole = true,
          .what = "passes over the histories, at most"};
}
constexpr Setting patience(double value) {
  return {.name = "patience",
          .value = value,
          .low = 5,
          .high = 20,
          .least = 0,
          .most = 1000,
          .whole = true,
          .what = "epochs without a better validation NDCG@10 before it stops; 0 = never"};
}
constexpr Setting label_smoothing(double value) {
  return {.name = "label_smoothing",
          .value = value,
          .low = 0,
          .high = 0.3,
          .least = 0,
          .most = 0.99,
          .what = "share of the target's weight spread over the catalogue"};
}
constexpr Setting negatives(double value) {
  return {.name = "negatives",
          .value = value,
          .low = 1,
          .high = 2048,
          .least = 1,
          .most = 100'000,
          .logarithmic = true,
          .whole = true,
          .what = "sampled items"};
}
constexpr Setting negative_power(double value) {
  return {.name = "negative_power",
          .value = value,
          .low = 0,
          .high = 1,
          .least = 0,
          .most = 2,
          .what = "negatives are drawn by popularity to this power"};
}
}  // namespace setting

// What most of them share, in one order.
#define PENCHANT_SHARED_SETTINGS(layer_count, dropout_share, rate, passes)                 \
  setting::dim(128), setting::layers(layer_count), setting::dropout(dropout_share),         \
      setting::input_dropout(0.5), setting::learning_rate(rate), setting::weight_decay(0), \
      setting::batch(128), setting::max_len(50), setting::epochs(passes), setting::patience(8)

inline constexpr Setting kGru4Rec[] = {PENCHANT_SHARED_SETTINGS(1, 0, 5e-3, 12)};
inline constexpr Setting kGru4RecBprMax[] = {PENCHANT_SHARED_SETTINGS(1, 0, 1.5e-3, 20),
                                             setting::negatives(512),
                                             setting::negative_power(0.5),
                                             {.name = "score_penalty",
                                              .value = 1,
                                              .low = 0.1,
                                              .high = 3,
                                              .least = 0,
                                              .most = 1000,
                                              .logarithmic = true,
                                              .what = "weight of the squared scores of negatives"}};
inline constexpr Setting kSasRec[] = {PENCHANT_SHARED_SETTINGS(2, 0.5, 1.5e-3, 20), setting::heads(2), setting::ffn(256),
                                      setting::label_smoothing(0.1)};
inline constexpr Setting kSasRecSampled[] = {PENCHANT_SHARED_SETTINGS(2, 0.5, 1.5e-3, 20), setting::heads(2),
                                             setting::ffn(256), setting::negatives(256),
                                             setting::negative_power(0)};
inline constexpr Setting kSasRecBce[] = {PENCHANT_SHARED_SETTINGS(2, 0.5, 1.5e-3, 20), setting::heads(2),
                                         setting::ffn(256), setting::negatives(1)};
inline constexpr Setting kGSasRec[] = {
    PENCHANT_SHARED_SETTINGS(2, 0.5, 1.5e-3, 20),
    setting::heads(2),
    setting::ffn(256),
    setting::negatives(256),
    {.name = "calibration",
     .value = 0.75,
     .low = 0,
     .high = 1,
     .least = 0,
     .most = 1,
     .what = "t of gBCE: 0 is plain cross-entropy, 1 a calibrated probability"}};
inline constexpr Setting kBert4Rec[] = {PENCHANT_SHARED_SETTINGS(2, 0.5, 1.5e-3, 60),
                                        setting::heads(2),
                                        setting::ffn(256),
                                        {.name = "mask_share",
                                         .value = 0.2,
                                         .low = 0.1,
                                         .high = 0.6,
                                         .least = 0.01,
                                         .most = 0.9,
                                         .what = "share of the events that are masked"}};

#undef PENCHANT_SHARED_SETTINGS

}  // namespace penchant::evaluate
