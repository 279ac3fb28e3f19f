#include "penchant/generate/generator.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "penchant/kernels/rows.h"
#include "penchant/kernels/vectors.h"

namespace penchant::generate {
namespace {

using catalog::Code;
using Node = semantic_id::ItemTrie::Node;

constexpr float kImpossible = -std::numeric_limits<float>::infinity();
constexpr std::size_t kAskAll = 512;  ///< from so many prefixes on it is cheaper to have the logits of all items first

/// Scores items `order`, which are sorted by codes, so that equal prefixes are neighbours.
void score_chunk(const Generator& generator, std::span<const float> hidden, MatrixView<const Code> codes,
                 std::span<const std::uint32_t> rows, std::span<const std::uint32_t> order, std::span<float> out) {
  const std::size_t levels = codes.cols();
  GeneratorScorer scorer(generator, hidden);
  Matrix<float> log_probs = scorer.start();
  std::vector<std::uint32_t> beam_of(order.size(), 0);  ///< beam that holds the item's prefix so far
  std::vector<Node> prefix(order.size(), Node::root);
  std::vector<std::uint8_t> settled(order.size(), 0);   ///< 1: no code is left that could be another
  for (const std::uint32_t at : order) out[at] = 0;
  for (std::size_t level = 0; level < levels; ++level) {
    for (std::size_t i = 0; i < order.size(); ++i)
      if (settled[i] == 0) out[order[i]] += log_probs(beam_of[i], codes(rows[order[i]], level));
    if (level + 1 == levels) break;
    std::vector<std::uint32_t> parents;
    std::vector<Code> chosen;
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (settled[i] != 0) continue;
      const auto path = codes.row(rows[order[i]]);
      const auto node = generator.trie.child(prefix[i], path[level]);
      const auto next = node ? generator.trie.children(*node).codes : std::span<const Code>();
      settled[i] = !node || (level + 2 == levels && next.size() == 1) ? 1 : 0;
      if (settled[i] != 0) {
        if (!node || next[0] != path[level + 1]) out[order[i]] = kImpossible;
        continue;
      }
      prefix[i] = *node;
      if (parents.empty() || parents.back() != beam_of[i] || chosen.back() != path[level]) {
        parents.push_back(beam_of[i]);
        chosen.push_back(path[level]);
      }
      beam_of[i] = static_cast<std::uint32_t>(parents.size() - 1);
    }
    if (parents.empty()) break;
    log_probs = scorer.next(parents, chosen);
  }
}

}  // namespace

GeneratorScorer::GeneratorScorer(const Generator& generator, std::span<const float> hidden)
    : generator_(generator), hidden_(hidden), query_(dense_query(generator.decoder.shape(), hidden)) {}

Matrix<float> GeneratorScorer::start() {
  cache_ = {};
  prefix_.assign(1, Node::root);
  Matrix<float> log_probs = generator_.decoder.start(hidden_, cache_);
  look(log_probs);
  return log_probs;
}

Matrix<float> GeneratorScorer::next(std::span<const std::uint32_t> parents, std::span<const std::uint16_t> codes) {
  std::vector<Node> moved;
  // A path that is not in the trie goes on from a leaf, which has no children.
  const Node nowhere{static_cast<std::uint32_t>(generator_.trie.nodes() - 1)};
  for (std::size_t b = 0; b < parents.size(); ++b)
    moved.push_back(generator_.trie.child(prefix_[parents[b]], codes[b]).value_or(nowhere));
  prefix_ = std::move(moved);
  if (logits_.empty() && prefix_.size() >= kAskAll) {
    logits_.resize(generator_.items.vectors.rows());
    kernels::scores(generator_.items.vectors, query_, logits_);
    for (std::size_t i = 0; i < logits_.size(); ++i) logits_[i] += generator_.items.bias[i];
  }
  Matrix<float> log_probs = generator_.decoder.next(parents, codes, cache_);
  look(log_probs);
  return log_probs;
}

void GeneratorScorer::look(Matrix<float>& log_probs) const {
  const std::size_t level = cache_.step - 1;
  const float weight = generator_.decoder.look(level);
  std::vector<float> ahead;
  for (std::size_t b = 0; b < log_probs.rows(); ++b) {
    const auto edges = generator_.trie.children(prefix_[b]);
    const auto row = log_probs.row(b);
    ahead.assign(edges.codes.size(), 0);
    if (weight != 0) generator_.lookahead.children(generator_.trie, prefix_[b], generator_.items, query_, ahead, logits_);
    for (std::size_t c = 0; c < ahead.size(); ++c) ahead[c] = row[edges.codes[c]] + weight * ahead[c];
    if (!ahead.empty()) kernels::log_softmax(ahead);
    std::ranges::fill(row, kImpossible);
    for (std::size_t c = 0; c < ahead.size(); ++c) row[edges.codes[c]] = ahead[c];
  }
}

void path_log_probs(const Generator& generator, std::span<const float> hidden, MatrixView<const Code> codes,
                    std::span<const std::uint32_t> rows, std::span<float> out) {
  PENCHANT_CHECK(out.size() == rows.size(), "one score per row");
  std::ranges::fill(out, kImpossible);
  if (generator.trie.nodes() == 0) return;
  std::vector<std::uint32_t> order(rows.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    const auto left = codes.row(rows[a]), right = codes.row(rows[b]);
    return std::lexicographical_compare(left.begin(), left.end(), right.begin(), right.end());
  });
  for (std::size_t begin = 0; begin < order.size(); begin += kPathChunk)
    score_chunk(generator, hidden, codes, rows,
                std::span(order).subspan(begin, std::min(kPathChunk, order.size() - begin)), out);
}

}  // namespace penchant::generate
