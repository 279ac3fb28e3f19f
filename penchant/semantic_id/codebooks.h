#pragma once
/// \file Residual codebooks: vector in, semantic ID out; and their file. Layer 3.
/// Bytes: `codebooks.safetensors` of docs/formats/release.md.
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"
#include "penchant/catalog/ids.h"
#include "penchant/semantic_id/content_encoder.h"
#include "penchant/semantic_id/nearest.h"
#include "penchant/semantic_id/trie.h"

namespace penchant::semantic_id {

inline constexpr std::size_t kMaxLevels = 16;

/// A vector's semantic ID.
struct Assignment {
  std::vector<Code> codes;       ///< [L]
  std::vector<float> distances;  ///< [L], squared length of what is left after each level
};

/// Rows as the levels see them: the content vectors themselves, or what the encoder made of them.
struct EncodedRows {
  Matrix<float> made;               ///< empty without an encoder
  MatrixView<const float> rows;     ///< [n, dim]; of `made`, or of the content, which has to live as long
};

/// L levels of K_l codewords. The code of level l is the codeword nearest to what the levels before
/// have left over, of the content vector or, where there is an encoder, of what it makes of it.
/// Immutable; threads: const calls are safe together.
class Codebooks {
 public:
  /// \param levels L matrices [K_l, d], finite; 1 <= L <= 16, 1 <= K_l <= 65536, one d >= 1. A level
  /// may have fewer codewords than another
  /// \param encoder of d outputs; null: codes quantise content vectors as they are
  /// \return invalid_argument naming the level
  static Result<Codebooks> create(std::vector<Matrix<float>> levels,
                                  std::shared_ptr<const ContentEncoder> encoder = nullptr);
  /// The same levels behind an encoder of dim() outputs.
  [[nodiscard]] Result<Codebooks> with_encoder(std::shared_ptr<const ContentEncoder> encoder) const;
  /// One more level of `codes` codewords of dim() zeros: it explains nothing, and assign() gives it
  /// code 0; the encoder stays. There is room for it: levels() < 16, 1 <= codes <= 65536.
  [[nodiscard]] Codebooks with_zero_level(std::uint32_t codes) const;
  [[nodiscard]] std::size_t levels() const noexcept { return tables_.size(); }
  /// Codewords of one level, K_l.
  [[nodiscard]] std::uint32_t codebook(std::size_t level) const noexcept {
    return static_cast<std::uint32_t>(tables_[level].size());
  }
  /// K: the largest K_l. Every code is below it; the generator's output layers are this wide.
  [[nodiscard]] std::uint32_t codebook() const noexcept;
  /// d, numbers of a codeword.
  [[nodiscard]] std::size_t dim() const noexcept { return tables_[0].dim(); }
  /// x, numbers of a content vector; dim() without an encoder.
  [[nodiscard]] std::size_t content_dim() const noexcept { return encoder_ ? encoder_->input_dim() : dim(); }
  /// Null where codes quantise content vectors as they are.
  [[nodiscard]] const std::shared_ptr<const ContentEncoder>& encoder() const noexcept { return encoder_; }
  [[nodiscard]] std::span<const float> codeword(std::size_t level, Code code) const {
    return tables_[level].codeword(code);
  }
  [[nodiscard]] const CodewordTable& table(std::size_t level) const { return tables_[level]; }

  /// \param codes [n, L]
  /// \return invalid_argument on another L, or naming the first row with a code of some level l that
  /// is not below codebook(l)
  [[nodiscard]] Status check_codes(MatrixView<const Code> codes) const;
  /// \param vectors [n, x], finite, at most kMaxCoordinate in magnitude
  /// \return invalid_argument on other columns, or naming the row of a bad number
  [[nodiscard]] Result<EncodedRows> encode(MatrixView<const float> vectors, Executor& executor) const;
  /// Nearest codeword level by level. A zero vector (an item without content) is a vector like any
  /// other: it gets the least committed codewords, those nearest to zero.
  /// \param vector [x]; invalid_argument on another length or a value that is not finite
  [[nodiscard]] Result<Assignment> assign(std::span<const float> vector) const;
  /// The same for many rows, [n, L]; `level_error`, when given, receives the mean squared length of
  /// what is left after each level [L].
  [[nodiscard]] Result<Matrix<Code>> assign(MatrixView<const float> vectors, Executor& executor,
                                            std::vector<double>* level_error = nullptr) const;
  /// encoded - sum of the first `levels` codewords.
  /// \param encoded [d], a row of encode(); codes [>= levels]; out [d]
  void residual(std::span<const float> encoded, std::span<const Code> codes, std::size_t levels,
                std::span<float> out) const;

 private:
  Codebooks() = default;
  std::vector<CodewordTable> tables_;              ///< [L]
  std::shared_ptr<const ContentEncoder> encoder_;  ///< may be null
};

/// Where an item that came after training stands.
struct Placement {
  Assignment id;
  std::size_t shares_with = 0;   ///< live items that have this very ID
  std::size_t known_levels = 0;  ///< longest prefix of the ID that some live item has
};
/// Codes of a new item at once: the nearest codewords, as the release format says. Nothing that
/// lives moves; where the ID is taken it is shared until the next training runs the collision
/// policy, so the item starts with the score of the items whose content is nearest to its own.
Result<Placement> place_new_item(const Codebooks& codebooks, const ItemTrie& live,
                                 std::span<const float> vector);

/// Sizes the manifest promises; 0 = do not check. `codebook` is that of the largest level, `dim` the
/// numbers of a content vector.
struct ExpectedCodebooks {
  std::size_t levels = 0, codebook = 0, dim = 0, items = 0;
};
struct StoredCodes {
  Codebooks codebooks;
  Matrix<Code> codes;  ///< [n, L], after the collision policy
};
/// Writes `codebook.<l>` F32 [K_l, d], `codes` U16 [n, L] and, where there is an encoder, its layers
/// `encoder.<k>.weight` F32 [out, in] and `encoder.<k>.bias` F32 [out].
Status save_codebooks(const std::string& path, const Codebooks& codebooks, MatrixView<const Code> codes);
/// \return not_found, io, or corrupt naming the tensor whose shape, type or value is wrong
Result<StoredCodes> load_codebooks(const std::string& path, const ExpectedCodebooks& expected = {});

}  // namespace penchant::semantic_id
