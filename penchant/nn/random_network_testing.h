#pragma once
/// \file For tests: random release weights, and a slow network in double that reads the same names.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "penchant/artifact/manifest.h"
#include "penchant/artifact/safetensors.h"
#include "penchant/base/rng.h"

namespace penchant::nn::testing {

using Vector = std::vector<double>;
using Rows = std::vector<Vector>;

/// Tensors by name, kept as floats so that both sides read the same values.
struct Tensors {
  struct Entry {
    std::vector<std::uint64_t> shape;
    std::vector<float> values;
  };
  std::map<std::string, Entry> entries;

  [[nodiscard]] double at(const std::string& name, std::size_t i) const {
    return entries.at(name).values.at(i);
  }
  /// Row r of a table.
  [[nodiscard]] Vector row(const std::string& name, std::size_t r) const {
    const auto& e = entries.at(name);
    Vector out(e.shape[1]);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = e.values[r * out.size() + i];
    return out;
  }
};

inline artifact::ModelShape small_shape() {
  artifact::ModelShape s;
  s.items = 5;
  s.dim = 24;
  s.layers = 2;
  s.heads = 3;
  s.ffn = 40;
  s.max_len = 40;
  s.depth_layers = 2;
  s.levels = 3;
  s.codebook = 19;
  s.gaps = 8;
  s.actions = 4;
  return s;
}

inline Tensors random_tensors(const artifact::ModelShape& s, std::uint64_t seed) {
  Rng rng(seed);
  Tensors t;
  const auto add = [&](const std::string& name, std::vector<std::uint64_t> shape, double scale,
                       double middle = 0) {
    std::size_t n = 1;
    for (const auto dim : shape) n *= dim;
    std::vector<float> values(n);
    for (auto& v : values) v = static_cast<float>(middle + scale * (2 * rng.uniform() - 1));
    t.entries[name] = {std::move(shape), std::move(values)};
  };
  const std::uint64_t d = s.dim, f = s.ffn;
  const auto linear = [&](const std::string& name, std::uint64_t out, std::uint64_t in) {
    add(name + ".weight", {out, in}, 1.7 / std::sqrt(static_cast<double>(in)));
    add(name + ".bias", {out}, 0.1);
  };
  const auto norm = [&](const std::string& name) {
    add(name + ".weight", {d}, 0.3, 1);
    add(name + ".bias", {d}, 0.1);
  };
  const auto block = [&](const std::string& name) {
    norm(name + ".norm1");
    linear(name + ".attn.qkv", 3 * d, d);
    linear(name + ".attn.out", d, d);
    norm(name + ".norm2");
    linear(name + ".ffn.up", f, d);
    linear(name + ".ffn.down", d, f);
  };
  add("event.action", {s.actions, d}, 1);
  add("event.gap", {s.gaps, d}, 1);
  for (std::uint32_t b = 0; b < s.layers; ++b) block("block." + std::to_string(b));
  norm("final_norm");
  linear("depth.in", d, d);
  add("depth.step", {s.levels, d}, 1);
  add("depth.look", {s.levels}, 1);
  for (std::uint32_t l = 0; l + 1 < s.levels; ++l) add("depth.code." + std::to_string(l), {s.codebook, d}, 1);
  for (std::uint32_t b = 0; b < s.depth_layers; ++b) block("depth.block." + std::to_string(b));
  norm("depth.norm");
  for (std::uint32_t l = 0; l < s.levels; ++l) {
    linear("depth.out." + std::to_string(l), s.codebook, d);
    add("item.code." + std::to_string(l), {s.codebook, d}, 1);
  }
  linear("item.modality.text", d, 10);
  linear("item.modality.image", d, 7);
  return t;
}

/// Writes the tensors to a fresh folder and opens them.
inline artifact::SafeTensors stored(const Tensors& t) {
  static int count = 0;
  const auto folder = std::filesystem::temp_directory_path() /
                      ("penchant-nn-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
  std::filesystem::create_directories(folder);
  artifact::SafeTensorsWriter writer;
  for (const auto& [name, e] : t.entries)
    writer.add(name, artifact::DType::f32, e.shape, std::as_bytes(std::span(e.values)));
  const auto path = (folder / "model.safetensors").string();
  writer.write(path).value();
  auto opened = artifact::SafeTensors::open(path);
  std::filesystem::remove_all(folder);  // the mapping stays
  return std::move(opened).value();
}

// --- the slow network -------------------------------------------------------------------------

inline Vector linear(const Tensors& t, const std::string& name, const Vector& x) {
  const auto& shape = t.entries.at(name + ".weight").shape;
  Vector y(shape[0]);
  for (std::size_t o = 0; o < y.size(); ++o) {
    y[o] = t.at(name + ".bias", o);
    for (std::size_t i = 0; i < x.size(); ++i) y[o] += t.at(name + ".weight", o * x.size() + i) * x[i];
  }
  return y;
}

inline Vector norm(const Tensors& t, const std::string& name, const Vector& x) {
  const double n = static_cast<double>(x.size());
  double mean = 0, variance = 0;
  for (const double v : x) mean += v / n;
  for (const double v : x) variance += (v - mean) * (v - mean) / n;
  Vector y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    y[i] = (x[i] - mean) / std::sqrt(variance + 1e-5) * t.at(name + ".weight", i) + t.at(name + ".bias", i);
  return y;
}

/// One block over a whole sequence; `rotary` turns queries and keys by their position.
inline Rows block(const Tensors& t, const std::string& name, Rows x, std::size_t heads, bool rotary) {
  const std::size_t d = x[0].size(), size = d / heads;
  Rows q, k, v;
  for (std::size_t p = 0; p < x.size(); ++p) {
    const Vector qkv = linear(t, name + ".attn.qkv", norm(t, name + ".norm1", x[p]));
    const auto part = [&](std::size_t i) {
      return Vector(qkv.begin() + static_cast<long>(i * d), qkv.begin() + static_cast<long>((i + 1) * d));
    };
    const auto turn = [&](Vector y) {
      if (!rotary) return y;
      const Vector before = y;
      for (std::size_t h = 0; h < heads; ++h)
        for (std::size_t j = 0; j < size / 2; ++j) {
          const double angle = static_cast<double>(p) *
                               std::pow(10000.0, -2.0 * static_cast<double>(j) / static_cast<double>(size));
          const std::size_t a = h * size + j, b = a + size / 2;
          y[a] = before[a] * std::cos(angle) - before[b] * std::sin(angle);
          y[b] = before[a] * std::sin(angle) + before[b] * std::cos(angle);
        }
      return y;
    };
    q.push_back(turn(part(0)));
    k.push_back(turn(part(1)));
    v.push_back(part(2));
  }
  for (std::size_t p = 0; p < x.size(); ++p) {
    Vector mixed(d);
    for (std::size_t h = 0; h < heads; ++h) {
      Vector weights(p + 1);
      double sum = 0;
      for (std::size_t s = 0; s <= p; ++s) {
        double logit = 0;
        for (std::size_t i = h * size; i < (h + 1) * size; ++i) logit += q[p][i] * k[s][i];
        sum += weights[s] = std::exp(logit / std::sqrt(static_cast<double>(size)));
      }
      for (std::size_t s = 0; s <= p; ++s)
        for (std::size_t i = h * size; i < (h + 1) * size; ++i) mixed[i] += weights[s] / sum * v[s][i];
    }
    const Vector out = linear(t, name + ".attn.out", mixed);
    for (std::size_t i = 0; i < d; ++i) x[p][i] += out[i];
    Vector inner = linear(t, name + ".ffn.up", norm(t, name + ".norm2", x[p]));
    for (auto& u : inner) u = 0.5 * u * (1 + std::erf(u / std::sqrt(2.0)));
    const Vector down = linear(t, name + ".ffn.down", inner);
    for (std::size_t i = 0; i < d; ++i) x[p][i] += down[i];
  }
  return x;
}

inline Vector log_softmax(const Vector& x) {
  double sum = 0;
  for (const double v : x) sum += std::exp(v);
  Vector y;
  for (const double v : x) y.push_back(v - std::log(sum));
  return y;
}

}  // namespace penchant::nn::testing
