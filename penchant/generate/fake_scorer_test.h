#pragma once
/// \file A generator whose log-probabilities are a hash of the path: any answer can be recomputed.
#include <cmath>
#include <vector>

#include "penchant/base/rng.h"
#include "penchant/generate/code_scorer.h"

namespace penchant::generate {

class FakeScorer final : public CodeScorer {
 public:
  /// `coarse`: log-probabilities are multiples of 1/2, so that many paths tie.
  FakeScorer(std::size_t levels, std::size_t codebook, std::uint64_t seed, bool coarse = false)
      : levels_(levels), codebook_(codebook), seed_(seed), coarse_(coarse) {}
  [[nodiscard]] std::size_t levels() const override { return levels_; }
  [[nodiscard]] std::size_t codebook() const override { return codebook_; }
  Matrix<float> start() override {
    beams_ = {seed_};
    return rows();
  }
  Matrix<float> next(std::span<const std::uint32_t> parents, std::span<const std::uint16_t> codes) override {
    std::vector<std::uint64_t> moved;
    for (std::size_t b = 0; b < parents.size(); ++b) moved.push_back(step(beams_.at(parents[b]), codes[b]));
    beams_ = std::move(moved);
    return rows();
  }
  [[nodiscard]] std::unique_ptr<CodeScorer> branch() const override {
    return std::make_unique<FakeScorer>(*this);
  }

  /// Path score by definition, added in the order in which a search adds.
  [[nodiscard]] float path_score(std::span<const std::uint16_t> path) const {
    float score = 0;
    std::uint64_t state = seed_;
    for (const auto code : path) {
      score += row(state)[code];
      state = step(state, code);
    }
    return score;
  }

 private:
  static std::uint64_t step(std::uint64_t state, std::uint16_t code) {
    return Rng(state * 65599 + code + 1)();
  }
  [[nodiscard]] std::vector<float> row(std::uint64_t state) const {
    Rng rng(state);
    std::vector<float> out(codebook_);
    double sum = 0;
    for (auto& v : out) sum += std::exp(v = static_cast<float>(6 * rng.uniform()));
    for (auto& v : out) {
      v -= static_cast<float>(std::log(sum));
      if (coarse_) v = std::round(2 * v) / 2;
    }
    return out;
  }
  [[nodiscard]] Matrix<float> rows() const {
    Matrix<float> out(beams_.size(), codebook_);
    for (std::size_t b = 0; b < beams_.size(); ++b) std::ranges::copy(row(beams_[b]), out.row(b).begin());
    return out;
  }

  std::size_t levels_, codebook_;
  std::uint64_t seed_;
  bool coarse_;
  std::vector<std::uint64_t> beams_;
};

}  // namespace penchant::generate
