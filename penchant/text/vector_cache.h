#pragma once
/// \file Sentence vectors of texts kept on disk, so that none is encoded twice. Layer 2.
/// Bytes: docs/formats/text_vectors.md. A cache: losing it costs time.
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "penchant/base/result.h"
#include "penchant/text/encoder.h"

namespace penchant::text {

inline constexpr std::size_t kMaxCachedTexts = 200'000;  ///< older ones are not added any more

/// Threads: all calls are safe from any thread.
class VectorCache {
 public:
  /// Reads `file` when it is whole and was made by this encoder; starts empty otherwise.
  VectorCache(std::string file, std::string encoder_sha256, std::size_t dim);
  /// Empty when the text is not known. \return [dim]
  [[nodiscard]] std::vector<float> find(std::string_view text) const;
  void add(std::string_view text, std::span<const float> vector);
  /// Writes the file where enough is new (an eighth of it): cost per text stays constant.
  Status save_if_grown();
  /// Writes the file where anything is new.
  Status save();
  [[nodiscard]] std::size_t size() const;

 private:
  const std::string file_, encoder_sha256_;
  const std::size_t dim_;
  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::size_t> row_of_;  ///< key of the text -> row
  std::vector<std::int64_t> keys_;                         ///< [rows]
  std::vector<float> vectors_;                             ///< [rows, dim]
  std::size_t saved_ = 0;                                  ///< rows on disk
};

/// Sentence vectors, [texts, encoder.dim()]; an empty text keeps a zero row. What `cache_file` holds is
/// not encoded again, and what is encoded is there for the next run; empty: no cache.
/// \return cancelled, or the error of the encoder
Result<Matrix<float>> encode_once(const SentenceEncoder& encoder, std::span<const std::string> texts,
                                  const std::string& cache_file, Executor& executor, const ProgressSink& progress = {});

/// Where the vectors of a catalogue are kept.
inline std::string catalogue_vectors_file(const std::string& home) { return home + "/cache/item_text_vectors.safetensors"; }

}  // namespace penchant::text
