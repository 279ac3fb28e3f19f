#include "penchant/recommend/path_scores.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace penchant::recommend {
namespace {

using catalog::Code;

/// Scores items order[begin, end), which are sorted by codes, so that equal prefixes are neighbours.
void score_chunk(const nn::DepthDecoder& decoder, std::span<const float> hidden, MatrixView<const Code> codes,
                 std::span<const std::uint32_t> rows, std::span<const std::uint32_t> order, std::span<float> out) {
  const std::size_t levels = codes.cols();
  nn::DepthDecoder::Cache cache;
  Matrix<float> log_probs = decoder.start(hidden, cache);
  std::vector<std::uint32_t> beam_of(order.size(), 0);  ///< beam that holds the item's prefix so far
  for (const std::uint32_t at : order) out[at] = 0;
  for (std::size_t level = 0; level < levels; ++level) {
    for (std::size_t i = 0; i < order.size(); ++i)
      out[order[i]] += log_probs(beam_of[i], codes(rows[order[i]], level));
    if (level + 1 == levels) break;
    std::vector<std::uint32_t> parents;
    std::vector<Code> chosen;
    for (std::size_t i = 0; i < order.size(); ++i) {
      const Code code = codes(rows[order[i]], level);
      if (i == 0 || parents.back() != beam_of[i] || chosen.back() != code) {
        parents.push_back(beam_of[i]);
        chosen.push_back(code);
      }
      beam_of[i] = static_cast<std::uint32_t>(parents.size() - 1);
    }
    log_probs = decoder.next(parents, chosen, cache);
  }
}

}  // namespace

void path_log_probs(const nn::DepthDecoder& decoder, std::span<const float> hidden, MatrixView<const Code> codes,
                    std::span<const std::uint32_t> rows, std::span<float> out) {
  PENCHANT_CHECK(out.size() == rows.size(), "one score per row");
  std::vector<std::uint32_t> order(rows.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    const auto left = codes.row(rows[a]), right = codes.row(rows[b]);
    return std::lexicographical_compare(left.begin(), left.end(), right.begin(), right.end());
  });
  for (std::size_t begin = 0; begin < order.size(); begin += kPathChunk)
    score_chunk(decoder, hidden, codes, rows,
                std::span(order).subspan(begin, std::min(kPathChunk, order.size() - begin)), out);
}

}  // namespace penchant::recommend
