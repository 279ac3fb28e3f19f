#pragma once
/// \file Sentence vectors from a BERT-class encoder (all-MiniLM-L6-v2), run by our own code. Layer 2.
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/progress.h"
#include "penchant/base/result.h"

namespace penchant::text {

/// Immutable encoder. Threads: encode() is safe from several threads.
class SentenceEncoder {
 public:
  /// \param folder with `model.safetensors` (BERT names), `vocab.txt` (WordPiece), `config.json`.
  static Result<std::unique_ptr<SentenceEncoder>> load(const std::string& folder);
  virtual ~SentenceEncoder() = default;
  /// Mean-pooled, L2-normalised vectors [texts, dim()]; each text is cut at max_tokens(). An empty
  /// text gives the vector of "[CLS] [SEP]". `progress` may be empty; cancelled if it returns false.
  virtual Result<Matrix<float>> encode(std::span<const std::string> texts, Executor& executor,
                                       const ProgressSink& progress = {}) const = 0;
  [[nodiscard]] virtual std::size_t dim() const noexcept = 0;
  [[nodiscard]] virtual std::size_t max_tokens() const noexcept = 0;
  [[nodiscard]] virtual const std::string& name() const noexcept = 0;    ///< "all-MiniLM-L6-v2"
  [[nodiscard]] virtual const std::string& sha256() const noexcept = 0;  ///< of the weights file
};

}  // namespace penchant::text
