#pragma once
/// \file The user foundation model without LibTorch: events in, user state and scores out. Layer 2.
/// The network and every tensor name: docs/formats/release.md.
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "penchant/artifact/manifest.h"
#include "penchant/artifact/safetensors.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"

namespace penchant::nn {

/// One position of the input. `vector` [d] is e(item); it must live until append() returns.
struct EventInput {
  std::span<const float> vector;
  std::uint32_t action = 0;  ///< row of the action table
  std::uint32_t gap = 0;     ///< time-gap bucket
  std::uint32_t request = 0; ///< bucket of the time from here to what is asked next; 0: not known. ModelShape::reads_request alone
};

/// Bucket of a time gap in seconds; negative = unknown. docs/formats/release.md "Forward pass".
[[nodiscard]] std::uint32_t gap_bucket(double seconds, std::uint32_t buckets) noexcept;

/// Mutable part of one user: keys and values of the events read so far, and the last state.
/// Copyable (a branch of the history). Bytes: layers * 2 * length * d * 4.
struct UserState {
  std::uint32_t length = 0;                 ///< events read
  std::vector<std::vector<float>> keys;     ///< [layers][length * d], rotated
  std::vector<std::vector<float>> values;   ///< [layers][length * d]
  std::vector<float> hidden;                ///< [d], final_norm of the newest position; empty at 0
  std::vector<float> residual;              ///< [d], what final_norm was given, without a request; ModelShape::reads_request alone
};

/// Immutable weights with packed copies for GEMM. Threads: const calls are safe together.
class SequenceModel {
 public:
  /// Reads `block.*`, `event.*`, `final_norm.*`; corrupt, naming the tensor, on any wrong shape.
  static Result<std::unique_ptr<SequenceModel>> load(const artifact::SafeTensors& tensors,
                                                     const artifact::ModelShape& shape);
  ~SequenceModel();
  SequenceModel(const SequenceModel&) = delete;

  /// Reads further events into `state` (prefill for many, one step for one) and sets `hidden`.
  /// invalid_argument when length would pass max_len (start again from the newest events) or an
  /// action, gap or vector is out of range.
  Status append(UserState& state, std::span<const EventInput> events) const;

  /// Sets `hidden` to what it is when asked so long after the newest event. Nothing changes in a model that does not read
  /// requests, or for an empty state. \param request bucket as gap_bucket(), below shape().gaps
  void ask(UserState& state, std::uint32_t request) const;

  /// Hidden states [events, d] (final_norm applied) of every position of one fresh sequence;
  /// `per_layer`, when given, receives the residual stream after each block ([layers] of [events, d]).
  Result<Matrix<float>> forward(std::span<const EventInput> events,
                                std::vector<Matrix<float>>* per_layer = nullptr) const;
  [[nodiscard]] const artifact::ModelShape& shape() const noexcept;

 private:
  struct Impl;
  explicit SequenceModel(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Generator head: a small causal transformer over the L codes of one semantic ID, for a batch of
/// beams. Threads: const calls are safe together.
class DepthDecoder {
 public:
  static Result<std::unique_ptr<DepthDecoder>> load(const artifact::SafeTensors& tensors,
                                                    const artifact::ModelShape& shape);
  ~DepthDecoder();
  DepthDecoder(const DepthDecoder&) = delete;

  /// Keys and values of every beam, [depth_layers] of [beams * levels * d]; row b belongs to beam b.
  struct Cache {
    std::size_t beams = 0;
    std::uint32_t step = 0;
    std::vector<std::vector<float>> keys, values;
  };
  /// Step 0 from a user state h [d]: returns log-probabilities [1, K] of the first code.
  Matrix<float> start(std::span<const float> hidden, Cache& cache) const;
  /// Step l >= 1: beam b continues old beam parents[b] with codes[b] (the code of level l - 1).
  /// Reorders the cache and returns log-probabilities [beams, K] of the code of level l.
  Matrix<float> next(std::span<const std::uint32_t> parents, std::span<const std::uint16_t> codes,
                     Cache& cache) const;
  /// What the lookahead of the dense head weighs beside the logits of this level.
  [[nodiscard]] float look(std::size_t level) const;
  [[nodiscard]] const artifact::ModelShape& shape() const noexcept;

 private:
  struct Impl;
  explicit DepthDecoder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Builds e(i) of an item added after training (docs/formats/release.md, "Dense head").
class ItemEmbedder {
 public:
  static Result<std::unique_ptr<ItemEmbedder>> load(const artifact::SafeTensors& tensors,
                                                    const artifact::Manifest& manifest);
  ~ItemEmbedder();
  ItemEmbedder(const ItemEmbedder&) = delete;
  /// \param codes [L]; \param modalities one span per manifest modality, empty = missing
  /// \return [d]
  Result<std::vector<float>> content_vector(std::span<const std::uint16_t> codes,
                                            std::span<const std::span<const float>> modalities) const;

 private:
  struct Impl;
  explicit ItemEmbedder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace penchant::nn
