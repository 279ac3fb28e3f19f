#pragma once
/// \file What is there to know about a set of semantic IDs. Layer 3.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "penchant/base/executor.h"
#include "penchant/base/matrix_view.h"
#include "penchant/base/result.h"
#include "penchant/semantic_id/codebooks.h"
#include "penchant/semantic_id/drift.h"

namespace penchant::semantic_id {

struct LevelReport {
  std::size_t codebook = 0;  ///< codes that there are, K_l
  std::size_t used = 0;      ///< codes that some item has
  std::size_t largest = 0;   ///< items of the most frequent code
  double entropy_bits = 0;   ///< of the code distribution over items; at most log2 K_l
  double perplexity = 0;     ///< 2^entropy: effective number of codes
  double error = 0;          ///< mean squared length left after this level, final codes, encoded vectors
  double explained = 0;      ///< 1 - error / mean squared length of the encoded vectors
};

/// Mean cosine of two items that share their first `length` codes (0: any two).
struct CoherenceReport {
  std::size_t length = 0;
  std::size_t pairs = 0;  ///< sampled; 0: no two items share so much, the rest is 0
  double cosine = 0;         ///< of their content
  double low = 0, high = 0;  ///< 95 % interval of the mean (normal)
  double encoded = 0;        ///< cosine of what the encoder made of them; `cosine` without an encoder
};

struct SidReport {
  std::string collisions;  ///< policy that the codes have been through; empty: not told
  std::string sizes;       ///< why the codebooks are as large as they are; empty: not told
  std::size_t items = 0, dim = 0;   ///< dim: numbers of a content vector
  std::size_t encoded_dim = 0;      ///< of what the levels quantise; 0: the content itself
  std::size_t codebook = 0;         ///< the largest K_l
  std::size_t without_content = 0;  ///< items whose content vector is zero
  std::vector<LevelReport> levels;  ///< [L]
  std::size_t distinct_before = 0;  ///< different IDs with nearest codewords
  std::size_t shared_before = 0;    ///< items that shared theirs
  std::size_t distinct = 0;         ///< the same after the collision policy
  std::size_t shared = 0;
  std::size_t largest_id = 0;              ///< items of the most crowded ID
  std::size_t moved = 0;                   ///< items whose codes the policy changed
  double unique_share = 0;                 ///< items that have their ID for themselves / items
  std::vector<CoherenceReport> coherence;  ///< lengths 0..L, final codes
  std::optional<DriftReport> drift;        ///< of items that came after; make_report leaves it empty
};

struct ReportOptions {
  std::string collisions;    ///< SidReport::collisions
  std::string sizes;         ///< SidReport::sizes
  std::size_t pairs = 4000;  ///< sampled per prefix length
  std::uint64_t seed = 1;
};

/// \param vectors [n, x] content; codes [n, L] as stored, after the collision policy
/// \return invalid_argument on sizes or codes that do not fit
Result<SidReport> make_report(const Codebooks& codebooks, MatrixView<const float> vectors,
                              MatrixView<const Code> codes, Executor& executor,
                              const ReportOptions& options = {});

/// One JSON object, the field names of the structs; shares and cosines with 6 digits.
[[nodiscard]] std::string to_json(const SidReport& report);
/// Tables for a terminal, at most 100 columns.
[[nodiscard]] std::string to_text(const SidReport& report);

}  // namespace penchant::semantic_id
