#pragma once
/// \file The network of a BERT-class sentence encoder. Layer 2, inner.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "penchant/artifact/safetensors.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"
#include "penchant/kernels/linear.h"
#include "penchant/kernels/rows.h"

namespace penchant::text {

/// What config.json says of the network.
struct BertShape {
  std::size_t dim = 0, layers = 0, heads = 0, inner = 0;
  std::size_t positions = 0, vocabulary = 0, token_types = 0;
  float epsilon = 1e-12F;  ///< of the layer norms
};

/// Post-norm encoder with mean pooling. Several texts run as one ragged batch: their tokens are
/// stacked without padding, only attention looks at one text at a time. Immutable; keeps the file
/// mapped for its word embeddings. Threads: const calls are safe together.
class BertNetwork {
 public:
  /// Reads the tensors of a `BertModel` (with or without the prefix "bert.").
  /// \return corrupt, naming the tensor that is missing, misshapen or not finite
  static Result<BertNetwork> load(artifact::SafeTensors tensors, const BertShape& shape);

  /// \param tokens of all texts, one after the other, each in [0, vocabulary)
  /// \param lengths of the texts in order, each in [1, positions]; they add up to tokens.size()
  /// \param out [lengths.size(), dim]: mean over the tokens of a text, L2-normalised
  void encode(std::span<const std::int32_t> tokens, std::span<const std::size_t> lengths,
              MatrixView<float> out) const;
  [[nodiscard]] const BertShape& shape() const noexcept { return shape_; }

 private:
  struct Norm {
    std::vector<float> scale, shift;
  };
  struct Layer {
    kernels::PackedLinear qkv, out, up, down;
    Norm attention_norm, output_norm;
  };
  class Reader;
  explicit BertNetwork(artifact::SafeTensors tensors) : tensors_(std::move(tensors)) {}
  void embed(std::span<const std::int32_t> tokens, std::span<const std::size_t> lengths,
             MatrixView<float> x) const;
  void normalise(MatrixView<float> x, const Norm& norm) const;

  artifact::SafeTensors tensors_;  // owns what words_ views
  BertShape shape_;
  MatrixView<const float> words_;  // [vocabulary, dim]
  Matrix<float> positions_;        // [positions, dim], the first token type added
  Norm embedding_norm_;
  std::vector<Layer> layers_;
};

}  // namespace penchant::text
