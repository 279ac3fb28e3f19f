#pragma once
/// \file The trained network run by LibTorch on a finished release: the reference that other
/// implementations are compared with. Layer 5; this header is free of LibTorch.
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "penchant/artifact/manifest.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"

namespace penchant::learn {

enum class Precision : std::uint8_t { f32, f64 };

/// One sequence, oldest first, at most max_len events.
struct ReferenceSequence {
  std::vector<std::int64_t> items, actions, gaps;  ///< [events]; gap buckets, not seconds
  std::vector<std::int64_t> requests = {};         ///< [events], buckets of the time to what is asked after each; empty: not known
};

/// Everything between the events and the scores, widened to double.
struct Activations {
  Matrix<double> input;                ///< [events, d], e(item) + action + gap
  std::vector<Matrix<double>> blocks;  ///< [layers] of [events, d], residual stream after each block
  Matrix<double> states;               ///< [events, d], after final_norm
  Matrix<double> dense_logits;         ///< [1, items], of the newest event
};

/// Forward pass of a release. It reads the tensors of model.safetensors by their names, so it also
/// proves that the export is complete. Threads: const calls are safe together.
class ReferenceModel {
 public:
  /// Reads manifest.json and the tensors of `<folder>`; hashes are not checked.
  /// \return not_found, corrupt naming the tensor, or io
  static Result<std::unique_ptr<ReferenceModel>> load(const std::string& folder, Precision precision);
  virtual ~ReferenceModel() = default;

  virtual Result<Activations> forward(const ReferenceSequence& sequence) const = 0;
  /// Log-probabilities of every code of every level, [levels, K], given the codes before it.
  /// \param state [d] \param codes [levels]
  virtual Result<Matrix<double>> code_log_probs(std::span<const double> state,
                                                std::span<const std::int64_t> codes) const = 0;
  /// e(i) of an item training never saw, [d], from its codes and one vector per modality of the
  /// manifest (empty = missing).
  virtual Result<std::vector<double>> content_vector(std::span<const std::int64_t> codes,
                                                     std::span<const std::vector<float>> modalities) const = 0;
  [[nodiscard]] virtual const artifact::Manifest& manifest() const noexcept = 0;
};

}  // namespace penchant::learn
