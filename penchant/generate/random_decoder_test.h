#pragma once
/// \file A depth decoder with random weights, made through its file as a release would be, and a generator around it.
#include <cmath>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "penchant/base/rng.h"
#include "penchant/generate/generator.h"
#include "penchant/generate/random_trie_test.h"
#include "penchant/nn/sequence_model.h"  // with the tensor files it is loaded from

namespace penchant::generate {

/// `spread` scales the output layers: large values make confident predictions.
/// `look` is the weight of the lookahead on every level.
inline std::unique_ptr<nn::DepthDecoder> random_decoder(const artifact::ModelShape& shape, std::uint64_t seed,
                                                        float spread = 1.0f, float look = 0) {
  Rng rng(seed);
  artifact::SafeTensorsWriter writer;
  const auto matrix = [&](const std::string& name, std::size_t rows, std::size_t cols, float scale) {
    Matrix<float> m(rows, cols);
    for (auto& v : m.values()) v = scale * static_cast<float>(rng.uniform() * 2 - 1);
    writer.add(name, std::as_const(m).view());
  };
  const auto vector = [&](const std::string& name, std::size_t n, float centre, float gain = 1) {
    std::vector<float> v(n);
    for (auto& x : v) x = centre + 0.1f * gain * static_cast<float>(rng.uniform() * 2 - 1);
    writer.add(name, std::span<const float>(v));
  };
  const std::size_t d = shape.dim;
  const auto linear = [&](const std::string& name, std::size_t out, std::size_t in, float gain) {
    matrix(name + ".weight", out, in, gain * std::sqrt(3.0f / static_cast<float>(in)));
    vector(name + ".bias", out, 0, gain);
  };
  linear("depth.in", d, d, 1);
  matrix("depth.step", shape.levels, d, 0.3f);
  writer.add("depth.look", std::span<const float>(std::vector<float>(shape.levels, look)));
  for (std::uint32_t l = 0; l + 1 < shape.levels; ++l)
    matrix("depth.code." + std::to_string(l), shape.codebook, d, 1);
  for (std::uint32_t b = 0; b < shape.depth_layers; ++b) {
    const std::string block = "depth.block." + std::to_string(b);
    for (const char* norm : {".norm1", ".norm2"}) {
      vector(block + norm + ".weight", d, 1);
      vector(block + norm + ".bias", d, 0);
    }
    linear(block + ".attn.qkv", 3 * d, d, 1);
    linear(block + ".attn.out", d, d, 1);
    linear(block + ".ffn.up", shape.ffn, d, 1);
    linear(block + ".ffn.down", d, shape.ffn, 1);
  }
  vector("depth.norm.weight", d, 1);
  vector("depth.norm.bias", d, 0);
  for (std::uint32_t l = 0; l < shape.levels; ++l)
    linear("depth.out." + std::to_string(l), shape.codebook, d, spread);

  const auto folder =
      std::filesystem::temp_directory_path() / ("penchant_decoder_" + std::to_string(std::random_device{}()));
  std::filesystem::create_directories(folder);
  const std::string path = (folder / "model.safetensors").string();
  writer.write(path).value();
  std::unique_ptr<nn::DepthDecoder> decoder;
  {
    const auto file = artifact::SafeTensors::open(path);
    decoder = nn::DepthDecoder::load(file.value(), shape).value();
  }
  std::filesystem::remove_all(folder);
  return decoder;
}

inline std::vector<float> random_state(std::size_t d, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<float> hidden(d);
  for (auto& v : hidden) v = static_cast<float>(rng.uniform() * 3 - 1.5);
  return hidden;
}

/// A generator over a random catalogue, whose items have random vectors too.
struct RandomGenerator {
  const RandomCatalogue& catalogue;  // lives longer
  std::unique_ptr<nn::DepthDecoder> decoder;
  Matrix<float> vectors;             // [ids, d]
  std::vector<float> bias;
  std::vector<std::uint8_t> untrained;
  Lookahead lookahead;

  RandomGenerator(const RandomCatalogue& c, const artifact::ModelShape& shape, std::uint64_t seed, float spread = 1, float look = 0)
      : catalogue(c), decoder(random_decoder(shape, seed, spread, look)), vectors(c.id_count(), shape.dim), bias(c.id_count()),
        untrained(c.id_count(), 0) {
    Rng rng(seed + 1);
    for (float& v : vectors.values()) v = static_cast<float>(rng.uniform() - 0.5);
    for (float& b : bias) b = static_cast<float>(rng.uniform());
    Executor executor(1);
    lookahead = Lookahead::build(c.trie, items(), executor).value();
  }
  [[nodiscard]] DenseItems items() const { return {vectors.view(), bias, untrained}; }
  [[nodiscard]] Generator view() const { return {*decoder, catalogue.trie, lookahead, items()}; }
};

}  // namespace penchant::generate
