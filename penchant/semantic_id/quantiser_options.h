#pragma once
/// \file What every quantiser of content vectors is told and gives back. Layer 3.
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/progress.h"
#include "penchant/base/result.h"
#include "penchant/base/rng.h"
#include "penchant/semantic_id/codebooks.h"

namespace penchant::semantic_id {

/// K for three levels: the power of two nearest (on a log scale) to sqrt(n), within 4..1024.
/// 1,682 items give 32, 3,416 give 64, 12,101 give 128, a million gives 1024.
///
/// Why sqrt(n): two codes then name K^2 ~ n prefixes, about one item each, and the third level
/// keeps K places per prefix for the skew of real catalogues (capacity K^3 ~ n^1.5), so nearly every
/// collision can be resolved inside its prefix. Each codeword of the first level is the mean of
/// n / K ~ sqrt(n) items, enough to mean something; a wider codebook leaves codes unused (8,192 wide
/// collapses on 12k items), a narrower one makes items share IDs. The bounds: below 4 a level says
/// almost nothing; above 1024 the output layers of the generator cost more than they gain.
[[nodiscard]] std::uint32_t choose_codebook(std::size_t n_items) noexcept;

/// Two rows that some user had one after the other.
struct ItemPair {
  std::uint32_t first = 0, second = 0;
};

struct QuantiserOptions {
  std::uint32_t levels = 3;               ///< L, 1..16
  std::uint32_t codebook = 0;             ///< K, up to 65536; 0: choose_codebook(n)
  std::vector<std::uint32_t> codebooks;   ///< K_l of every level in place of the two above; may be empty
  std::uint32_t iterations = 25;          ///< Lloyd steps per level, at most
  std::uint32_t rows_per_codeword = 256;  ///< trains on a sample of at most this many rows per codeword
  std::uint32_t rotation_rounds = 20;  ///< "opq": turns of the rotation after the parametric start, at most
  std::uint32_t steps = 0;             ///< "rqvae", "behaviour": of gradient descent; 0: by the rows
  double balance = 0;                  ///< KMeansOptions::balance of every level; 0: off
  std::uint64_t seed = 1;
  /// "behaviour": rows that follow each other in training events, repeats and all; lives through the call
  std::span<const ItemPair> pairs;
  std::span<const std::string> names;  ///< [n] item ids for messages, or empty; lives through the call
  ProgressSink progress;               ///< may be empty; step "semantic IDs", one unit per Lloyd step
};

/// Appends the pairs of one history, oldest first: its events two by two; an item after itself is none.
void add_pairs(std::span<const std::uint32_t> items, std::vector<ItemPair>& pairs);

struct QuantiserFit {
  Codebooks codebooks;
  Matrix<Code> codes;               ///< [n, L], nearest codewords: before the collision policy
  std::vector<double> level_error;  ///< [L], mean squared length left after each level, all rows
};

/// What a quantiser trains on.
struct QuantiserInput {
  std::vector<std::uint32_t> codebooks;  ///< [L], K_l
  Matrix<float> rows;                    ///< rows with content, all or a sample, in ascending order
};
/// What prepare() checks, without the draw.
Status check_input(MatrixView<const float> vectors, const QuantiserOptions& options);
/// Checks vectors and options and draws the rows that train. A zero row is an item without content:
/// it does not train, unless no row has content; then one zero row does.
/// \param vectors [n, x], finite, at most kMaxCoordinate in magnitude; n, x >= 1
/// \return invalid_argument naming the option, or the item and column of a bad number
Result<QuantiserInput> prepare(MatrixView<const float> vectors, const QuantiserOptions& options, Rng& rng);
/// Codes every row by its nearest codewords.
/// \param books L matrices [K_l, d]; vectors [n, x]; encoder from x numbers to d, null where d = x
Result<QuantiserFit> code_all(std::vector<Matrix<float>> books, MatrixView<const float> vectors,
                              Executor& executor, std::shared_ptr<const ContentEncoder> encoder = nullptr);
/// For KMeansOptions::keep_going: tells `sink` of `from` and one unit more at every call. Empty when
/// the sink is, which has to live as long.
[[nodiscard]] std::function<bool()> count_steps(const ProgressSink& sink, Progress from);

}  // namespace penchant::semantic_id
