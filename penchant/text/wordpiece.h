#pragma once
/// \file WordPiece tokenizer of uncased BERT models. Layer 2.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/result.h"

namespace penchant::text {

/// Splits text as BERT's uncased basic tokenizer does (control characters out, CJK ideographs apart,
/// NFD without non-spacing marks, lower case, punctuation apart), then greedily into the longest
/// pieces of the vocabulary. "[SEP]" written in a text is plain text here, never a control token.
/// Immutable. Threads: const calls are safe together.
class WordPiece {
 public:
  /// One piece per line, line number = id. \return not_found, io, or corrupt naming what is missing
  static Result<WordPiece> load(const std::string& path);
  /// \param pieces id = position; must hold [PAD], [UNK], [CLS] and [SEP]
  static Result<WordPiece> from_pieces(const std::vector<std::string>& pieces);
  ~WordPiece();
  WordPiece(WordPiece&&) noexcept;
  WordPiece& operator=(WordPiece&&) noexcept;

  /// [CLS], the pieces of `text`, [SEP]; at most max_tokens (>= 2) in all, cut at the end. Reads at
  /// most kMaxTextBytes. Invalid UTF-8 bytes are left out.
  [[nodiscard]] std::vector<std::int32_t> encode(std::string_view text, std::size_t max_tokens) const;
  [[nodiscard]] std::size_t size() const noexcept;

  static constexpr std::size_t kMaxTextBytes = 1 << 20;
  static constexpr std::size_t kMaxWordCharacters = 100;  ///< a longer word is one [UNK]

 private:
  struct Impl;
  explicit WordPiece(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace penchant::text
