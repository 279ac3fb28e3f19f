#pragma once
/// \file The generator of a release: the depth decoder and the dense head, one distribution over codes. Layer 4.
#include <memory>
#include <span>
#include <vector>

#include "penchant/catalog/ids.h"
#include "penchant/generate/code_scorer.h"
#include "penchant/generate/lookahead.h"
#include "penchant/nn/sequence_model.h"

namespace penchant::generate {

/// Views; whoever made them keeps them alive.
struct Generator {
  const nn::DepthDecoder& decoder;
  const semantic_id::ItemTrie& trie;
  const Lookahead& lookahead;  ///< of `trie` and `items`
  DenseItems items;
};

/// p(code c | prefix, user) is the softmax over the children of the prefix of
///     decoder logit of c + w_level * log sum exp of the dense logits below prefix c
/// (docs/formats/release.md, "Generator"); codes that lead nowhere have no probability. For one user state.
class GeneratorScorer final : public CodeScorer {
 public:
  /// \param hidden [d]; lives as long as the scorer
  GeneratorScorer(const Generator& generator, std::span<const float> hidden);
  [[nodiscard]] std::size_t levels() const override { return generator_.decoder.shape().levels; }
  [[nodiscard]] std::size_t codebook() const override { return generator_.decoder.shape().codebook; }
  Matrix<float> start() override;
  Matrix<float> next(std::span<const std::uint32_t> parents, std::span<const std::uint16_t> codes) override;
  [[nodiscard]] std::unique_ptr<CodeScorer> branch() const override { return std::make_unique<GeneratorScorer>(*this); }

 private:
  void look(Matrix<float>& log_probs) const;

  Generator generator_;
  std::span<const float> hidden_;
  std::vector<float> query_;                         ///< [d]
  std::vector<float> logits_;                        ///< [n] of all items, or empty
  std::vector<semantic_id::ItemTrie::Node> prefix_;  ///< [beams]
  nn::DepthDecoder::Cache cache_;
};

/// At most this many prefixes are in the decoder's batch at a time.
inline constexpr std::size_t kPathChunk = 4096;

/// The exact score of given items: the log-probability of each item's whole path, every code given the ones before.
/// Shared prefixes are scored once.
/// \param hidden [d]; \param codes [n, L]; \param rows rows of `codes`, in any order, repeats allowed
/// \param out [rows.size()]; -inf for a path that the trie does not hold
void path_log_probs(const Generator& generator, std::span<const float> hidden, MatrixView<const catalog::Code> codes,
                    std::span<const std::uint32_t> rows, std::span<float> out);

}  // namespace penchant::generate
