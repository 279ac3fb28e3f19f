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
#define PENCHANT_SHARED_SETTINGS(layer_count, dropout_share, input_share, rate, passes)    \
  setting::dim(128), setting::layers(layer_count), setting::dropout(dropout_share),         \
      setting::input_dropout(input_share), setting::learning_rate(rate), setting::weight_decay(0), \
      setting::batch(128), setting::max_len(50), setting::epochs(passes), setting::patience(8)

inline constexpr Setting kGru4Rec[] = {PENCHANT_SHARED_SETTINGS(1, 0, 0.5, 5e-3, 12)};
inline constexpr Setting kGru4RecBprMax[] = {PENCHANT_SHARED_SETTINGS(1, 0, 0.5, 1.5e-3, 20),
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
inline constexpr Setting kSasRec[] = {PENCHANT_SHARED_SETTINGS(2, 0.5, 0.5, 1.5e-3, 20), setting::heads(2), setting::ffn(256),
                                      setting::label_smoothing(0.1)};
inline constexpr Setting kSasRecSampled[] = {PENCHANT_SHARED_SETTINGS(2, 0.3, 0.3, 1.5e-3, 20), setting::heads(2),
                                             setting::ffn(256), setting::negatives(256),
                                             setting::negative_power(0)};
inline constexpr Setting kSasRecBce[] = {PENCHANT_SHARED_SETTINGS(2, 0.5, 0.5, 1.5e-3, 20), setting::heads(2),
                                         setting::ffn(256), setting::negatives(1)};
inline constexpr Setting kGSasRec[] = {
    PENCHANT_SHARED_SETTINGS(2, 0.3, 0.3, 1.5e-3, 20),
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
inline constexpr Setting kBert4Rec[] = {PENCHANT_SHARED_SETTINGS(2, 0.5, 0.5, 1.5e-3, 60),
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

namespace setting {
/// 0 or 1.
constexpr Setting part(std::string_view name, double value, std::string_view what) {
  return {.name = name, .value = value, .low = 0, .high = 1, .least = 0, .most = 1, .whole = true, .what = what};
}
}  // namespace setting

inline constexpr Setting kM3csr[] = {
    setting::dim(64),
    {.name = "clusters", .value = 128, .low = 16, .high = 1024, .least = 0, .most = 65536, .logarithmic = true, .whole = true,
     .what = "rows of a modality's cluster table; 0 = none"},
    {.name = "neighbours", .value = 0, .low = 0, .high = 20, .least = 0, .most = 256, .whole = true,
     .what = "graph neighbours that an item reads; 0 = none"},
    {.name = "history", .value = 50, .low = 10, .high = 200, .least = 1, .most = 4096, .logarithmic = true, .whole = true,
     .what = "newest items that are read"},
    setting::part("ids", 1, "behaviour side; 0 = content alone"),
    setting::part("content", 1, "content sides; 0 = behaviour alone"),
    setting::part("gate", 1, "popularity gate; 0 = one half"),
    setting::part("intensities", 1, "modality weights of a user; 0 = equal"),
    setting::part("shuffled_clusters", 0, "control: items get the cluster rows of others"),
    setting::part("pairwise", 0, "BPR as published; 0 = softmax over the catalogue"),
    {.name = "temperature", .value = 0.07, .low = 0.05, .high = 1, .least = 1e-3, .most = 1000, .logarithmic = true,
     .what = "of the modality weights"},
    {.name = "decoupling", .value = 0, .low = 0, .high = 10, .least = 0, .most = 1000, .what = "weight of the penalty on like interests"},
    {.name = "scale", .value = 10, .low = 5, .high = 50, .least = 1e-3, .most = 1000, .logarithmic = true,
     .what = "first factor of the cosines"},
    {.name = "dropout", .value = 0.3, .low = 0, .high = 0.7, .least = 0, .most = 0.95, .what = "on content and on the user"},
    {.name = "history_dropout", .value = 0.2, .low = 0, .high = 0.7, .least = 0, .most = 0.95, .what = "share of a history left out"},
    {.name = "id_dropout", .value = 0.1, .low = 0, .high = 0.5, .least = 0, .most = 1, .what = "chance that an item is shown as new"},
    setting::label_smoothing(0),
    setting::learning_rate(2e-3),
    {.name = "weight_decay", .value = 1e-4, .low = 1e-6, .high = 0.1, .least = 0, .most = 10, .logarithmic = true, .what = "of AdamW, on matrices"},
    {.name = "batch", .value = 512, .low = 128, .high = 2048, .least = 1, .most = 65536, .logarithmic = true, .whole = true,
     .what = "pairs of user and item for each step"},
    setting::epochs(20), setting::patience(5)};

}  // namespace penchant::evaluate
