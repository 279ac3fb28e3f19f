#pragma once
/// \file Sentence vectors of items that came after training, kept on disk so that a restart need not
/// encode them again. Layer 5. Bytes: docs/formats/text_vectors.md. A cache: losing it costs time.
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "penchant/base/result.h"

namespace penchant::recommend {

inline constexpr std::size_t kMaxCachedTexts = 200'000;  ///< older ones are not added any more

/// Threads: all calls are safe from any thread.
class TextCache {
 public:
  /// Reads `file` when it is whole and was made by this encoder; starts empty otherwise.
  TextCache(std::string file, std::string encoder_sha256, std::size_t dim);
  /// Empty when the text is not known. \return [dim]
  [[nodiscard]] std::vector<float> find(std::string_view text) const;
  void add(std::string_view text, std::span<const float> vector);
  /// Writes the file where enough is new (an eighth of it): cost per text stays constant.
  Status save_if_grown();
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

}  // namespace penchant::recommend
