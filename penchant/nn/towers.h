#pragma once
/// \file The two towers without LibTorch: histories and new items in, vectors out. Layer 2.
/// The model and every tensor name: docs/formats/towers.md.
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "penchant/artifact/safetensors.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"
#include "penchant/kernels/linear.h"

namespace penchant::nn {

/// What a new item gets.
struct TowerItem {
  std::vector<float> vector;             ///< [width()]
  std::vector<std::vector<float>> parts; ///< per modality [2d], what interests of users average; zeros where missing
  std::vector<float> outlier;            ///< per modality: distance to its centroid; 0 where missing or without clusters
};

/// Immutable. score(user, item) = <user vector, item vector> + bias. Threads: const calls are safe together.
class Towers {
 public:
  /// \param items n, rows of the release
  /// \return corrupt, naming the tensor, where a shape, type or number is wrong
  static Result<Towers> load(const artifact::SafeTensors& tensors, std::size_t items);

  [[nodiscard]] std::size_t items() const noexcept { return vectors_.rows(); }
  [[nodiscard]] std::size_t width() const noexcept { return vectors_.cols(); }
  [[nodiscard]] std::span<const std::string> modalities() const noexcept { return names_; }
  /// Values that a vector of modality m must have.
  [[nodiscard]] std::size_t modality_dim(std::size_t m) const { return sides_[m].projection.inputs(); }
  [[nodiscard]] MatrixView<const float> vectors() const noexcept { return vectors_.view(); }  ///< [n, width()]
  [[nodiscard]] std::span<const float> bias() const noexcept { return bias_; }                ///< [n]
  [[nodiscard]] float new_bias() const noexcept { return new_bias_; }
  /// Newest items of a history that make a user's vector.
  [[nodiscard]] std::size_t history() const noexcept { return history_; }

  /// One event of a history: an item of the release, or a new one.
  struct Event {
    std::uint32_t row = 0;
    const TowerItem* added = nullptr;  ///< in place of `row`
  };
  /// \param history any order, each item once; empty: a zero vector
  /// \param out [width()]
  void user(std::span<const Event> history, std::span<float> out) const;
  /// \param vectors one per modality as given, empty = missing
  /// \return invalid_argument naming the modality whose vector has another length or is not finite
  Result<TowerItem> place(std::span<const std::span<const float>> vectors) const;

 private:
  struct Side {
    std::vector<float> mean;                ///< [dim]
    kernels::PackedLinear projection;       ///< dim -> d
    kernels::PackedLinear top, interest;    ///< 2d -> d
    Matrix<float> parts;                    ///< [n, 2d]
    Matrix<float> centroids, table;         ///< [K, dim], [K, d]; empty without clusters
  };
  Towers() = default;
  std::size_t dim_ = 0;  ///< d
  std::size_t history_ = 0;
  Matrix<float> vectors_, ids_;             ///< ids_ [n, d], empty without a behaviour side
  std::vector<float> bias_;
  float new_bias_ = 0, new_gate_ = 0, scale_ = 1, temperature_ = 1;
  std::vector<std::string> names_;
  std::vector<Side> sides_;
  std::optional<kernels::PackedLinear> user_id_, intensity_;
};

}  // namespace penchant::nn
