#pragma once
/// \file Training of the semantic IDs: one k-means per level on what the levels before left over. Layer 3.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/progress.h"
#include "penchant/base/result.h"
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

struct ResidualKMeansOptions {
  std::uint32_t levels = 3;               ///< L, 1..16
  std::uint32_t codebook = 0;             ///< K, up to 65536; 0: choose_codebook(n)
  std::vector<std::uint32_t> codebooks;   ///< K_l of every level in place of the two above; may be empty
  std::uint32_t iterations = 25;          ///< Lloyd steps per level, at most
  std::uint32_t rows_per_codeword = 256;  ///< trains on a sample of at most this many rows per codeword
  std::uint64_t seed = 1;
  std::span<const std::string> names;  ///< [n] item ids for messages, or empty; lives through the call
  ProgressSink progress;               ///< may be empty; step "semantic IDs", one unit per Lloyd step
};

struct ResidualFit {
  Codebooks codebooks;
  Matrix<Code> codes;               ///< [n, L], nearest codewords: before the collision policy
  std::vector<double> level_error;  ///< [L], mean squared length left after each level, all rows
};

/// \param vectors [n, x] content vectors; a zero row is an item without content: it does not train,
/// and gets the codewords nearest to zero (the collision policy then spreads such items).
/// Levels may shrink (codebooks = {512, 256, 128}): what is left over grows smaller and more even, so
/// later levels need fewer codewords for the same gain.
/// The same seed and rows give the same bytes on any number of threads. Memory: two copies of vectors.
/// \return invalid_argument naming the item and column of a bad number; cancelled
Result<ResidualFit> train_residual_kmeans(MatrixView<const float> vectors,
                                          const ResidualKMeansOptions& options, Executor& executor);

}  // namespace penchant::semantic_id
