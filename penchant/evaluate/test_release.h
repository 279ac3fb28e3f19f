#pragma once
/// \file A small release folder with random weights, counted on the training part of a split: for
/// tests of what happens around a model, not of its quality.
#include <filesystem>
#include <string>
#include <vector>

#include "penchant/artifact/files.h"
#include "penchant/artifact/manifest.h"
#include "penchant/artifact/safetensors.h"
#include "penchant/base/rng.h"
#include "penchant/evaluate/split/split.h"
#include "penchant/retrieve/transitions.h"

namespace penchant::evaluate {

class ReleaseBuilder {
 public:
  ReleaseBuilder(std::string folder, const Split& split, std::string holdout)
      : folder_(std::move(folder)), split_(split), rng_(11) {
    auto& m = manifest_;
    m.name = std::filesystem::path(folder_).filename().string();
    m.created = "2024-01-01T00:00:00Z";
    m.preset = "tiny";
    m.holdout = std::move(holdout);
    m.holdout_time_ms = split.protocol().validation_ms.value_or(0);
    m.model = {.items = static_cast<std::uint32_t>(split.log().items()),
               .dim = kDim,
               .layers = 1,
               .heads = 2,
               .ffn = 16,
               .max_len = 20,
               .depth_layers = 1,
               .levels = kLevels,
               .codebook = kCodebook,
               .gaps = 8,
               .actions = 2};
    m.actions = {{.type = "unknown"}, {.type = "view"}};
    m.modalities = {{.name = "given", .dim = kContent, .encoder = "given"}};
  }

  Status build() {
    std::filesystem::create_directories(folder_);
    PENCHANT_DO(write_items());
    PENCHANT_DO(write_model());
    PENCHANT_DO(write_codes());
    PENCHANT_DO(write_counts());
    return artifact::seal_release(folder_, manifest_);
  }

 private:
  static constexpr std::uint32_t kDim = 8, kLevels = 2, kCodebook = 16, kContent = 4;

  Matrix<float> random(std::size_t rows, std::size_t cols) {
    Matrix<float> out(rows, cols);
    for (float& value : out.values()) value = static_cast<float>(rng_.uniform() - 0.5);
    return out;
  }
  void add(artifact::SafeTensorsWriter& w, const std::string& name, std::size_t rows, std::size_t cols) {
    const auto values = random(rows, cols);
    w.add(name, values.view());
  }
  void add(artifact::SafeTensorsWriter& w, const std::string& name, std::size_t n) {
    const auto values = random(1, n);
    w.add(name, std::span<const float>(values.values()));
  }
  void add_linear(artifact::SafeTensorsWriter& w, const std::string& name, std::size_t out, std::size_t in) {
    add(w, name + ".weight", out, in);
    add(w, name + ".bias", out);
  }
  void add_norm(artifact::SafeTensorsWriter& w, const std::string& name) {
    add(w, name + ".weight", kDim);
    add(w, name + ".bias", kDim);
  }
  void add_block(artifact::SafeTensorsWriter& w, const std::string& name) {
    add_norm(w, name + ".norm1");
    add_linear(w, name + ".attn.qkv", 3 * kDim, kDim);
    add_linear(w, name + ".attn.out", kDim, kDim);
    add_norm(w, name + ".norm2");
    add_linear(w, name + ".ffn.up", 16, kDim);
    add_linear(w, name + ".ffn.down", kDim, 16);
  }

  Status write_items() {
    std::string json = "{\"ids\":[";
    for (const auto& id : split_.log().item_ids) json += (json.back() == '[' ? "\"" : ",\"") + id + "\"";
    return artifact::write_file(folder_ + "/items.json", json + "]}");
  }

  Status write_model() {
    const std::size_t n = split_.log().items();
    artifact::SafeTensorsWriter w;
    add(w, "item.id", n, kDim);
    add(w, "item.vector", n, kDim);
    add(w, "item.bias", n);
    w.add("item.age", std::span<const float>(std::vector<float>{5}));
    add_linear(w, "item.modality.given", kDim, kContent);
    for (std::uint32_t l = 0; l < kLevels; ++l) add(w, "item.code." + std::to_string(l), kCodebook, kDim);
    add(w, "event.action", 2, kDim);
    add(w, "event.gap", 8, kDim);
    add_block(w, "block.0");
    add_norm(w, "final_norm");
    add_linear(w, "depth.in", kDim, kDim);
    add(w, "depth.code.0", kCodebook, kDim);
    add(w, "depth.step", kLevels, kDim);
    w.add("depth.look", std::span<const float>(std::vector<float>(kLevels, 1)));
    add_block(w, "depth.block.0");
    add_norm(w, "depth.norm");
    for (std::uint32_t l = 0; l < kLevels; ++l)
      add_linear(w, "depth.out." + std::to_string(l), kCodebook, kDim);
    PENCHANT_DO(w.write(folder_ + "/model.safetensors"));
    artifact::SafeTensorsWriter content;
    add(content, "content.given", n, kContent);
    return content.write(folder_ + "/content.safetensors");
  }

  Status write_codes() {
    artifact::SafeTensorsWriter w;
    for (std::uint32_t l = 0; l < kLevels; ++l) add(w, "codebook." + std::to_string(l), kCodebook, kContent);
    Matrix<std::uint16_t> codes(split_.log().items(), kLevels);
    for (std::size_t i = 0; i < codes.rows(); ++i) {
      codes(i, 0) = static_cast<std::uint16_t>(i / kCodebook % kCodebook);
      codes(i, 1) = static_cast<std::uint16_t>(i % kCodebook);
    }
    w.add("codes", codes.view());
    return w.write(folder_ + "/codebooks.safetensors");
  }

  Status write_counts() {
    std::vector<std::uint32_t> items;
    std::vector<std::uint64_t> offsets{0};
    std::vector<std::int64_t> last_seen(split_.log().items(), 0);
    for (const auto sequence : split_.training().users) {
      for (const auto& event : sequence) {
        items.push_back(event.item);
        last_seen[event.item] = std::max(last_seen[event.item], event.time_ms);
      }
      offsets.push_back(items.size());
    }
    artifact::SafeTensorsWriter w;
    retrieve::TransitionModel::build({.items = items, .offsets = offsets}, split_.log().items()).write(w);
    w.add("last_seen_ms", std::span<const std::int64_t>(last_seen));
    return w.write(folder_ + "/counts.safetensors");
  }

  std::string folder_;
  const Split& split_;
  Rng rng_;
  artifact::Manifest manifest_;
};

}  // namespace penchant::evaluate
