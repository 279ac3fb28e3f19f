#include "penchant/generate/beam_search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace penchant::generate {
namespace {

using catalog::ItemId;
using semantic_id::ItemTrie;
using Node = ItemTrie::Node;

constexpr float kImpossible = -std::numeric_limits<float>::infinity();

/// One way on from the beam: prefix `node`, reached from beam `parent`.
struct Candidate {
  float score;
  std::uint32_t node, parent;
};

/// Score descending; equal scores in trie order.
bool better(const Candidate& a, const Candidate& b) noexcept {
  return a.score != b.score ? a.score > b.score : a.node < b.node;
}

Status check(const CodeScorer& scorer, const ItemTrie& trie) {
  if (trie.nodes() > 0 && trie.depth() != scorer.levels())
    return invalid("the trie has " + std::to_string(trie.depth()) + " levels, the generator " +
                   std::to_string(scorer.levels()));
  return {};
}

Error too_late() { return {ErrorCode::deadline_exceeded, "the deadline passed during beam search"}; }

/// Which prefixes lead to an allowed item.
class Gate {
 public:
  Gate(const ItemTrie& trie, const BeamOptions& options) : trie_(trie), options_(options) {}
  [[nodiscard]] bool open(std::uint32_t node) const {
    if (options_.nodes != nullptr) return options_.nodes->test(node);
    return options_.allowed == nullptr || trie_.any_below(Node{node}, *options_.allowed);
  }

 private:
  const ItemTrie& trie_;        // lives through the search
  const BeamOptions& options_;  // likewise
};

/// The best `width` candidates of a level. A rising threshold turns nearly all away at the price of
/// one comparison, and the gate is asked only about the others.
class Best {
 public:
  Best(std::size_t width, const Gate& gate) : width_(width), capacity_(2 * width + 256), gate_(gate) {}

  void offer(const Candidate& candidate) {
    if (!(candidate.score >= threshold_) || !gate_.open(candidate.node)) return;  // NaN, -inf: never
    kept_.push_back(candidate);
    if (kept_.size() == capacity_) shrink();
  }
  /// Best first.
  void finish(std::vector<Candidate>& out) {
    if (kept_.size() > width_) shrink();
    std::ranges::sort(kept_, better);
    out.swap(kept_);
  }

 private:
  void shrink() {
    const auto last = kept_.begin() + static_cast<std::ptrdiff_t>(width_ - 1);
    std::nth_element(kept_.begin(), last, kept_.end(), better);
    threshold_ = last->score;  // an equal score may still win by its place in the trie
    kept_.resize(width_);
  }

  std::size_t width_, capacity_;
  const Gate& gate_;  // lives through the search
  float threshold_ = std::numeric_limits<float>::lowest();
  std::vector<Candidate> kept_;
};

/// Offers every child of the beam with its path score.
void expand(const ItemTrie& trie, const std::vector<Candidate>& beam, const Matrix<float>& log_probs,
            Best& best) {
  for (std::uint32_t b = 0; b < beam.size(); ++b) {
    const auto edges = trie.children(Node{beam[b].node});
    const auto row = log_probs.row(b);
    for (std::uint32_t c = 0; c < edges.codes.size() && edges.codes[c] < row.size(); ++c)
      best.offer({beam[b].score + row[edges.codes[c]], edges.first + c, b});
  }
}

std::vector<BeamItem> items_of(const ItemTrie& trie, const std::vector<Candidate>& leaves,
                               const BeamOptions& options) {
  std::vector<BeamItem> found;
  for (const auto& leaf : leaves)
    for (const ItemId item : trie.items_at(Node{leaf.node}))
      if (options.allowed == nullptr || options.allowed->test(catalog::index(item)))
        found.push_back({item, leaf.score});
  std::ranges::sort(found, [](const BeamItem& a, const BeamItem& b) {
    return a.log_prob != b.log_prob ? a.log_prob > b.log_prob : a.item < b.item;
  });
  if (options.items != 0 && found.size() > options.items) found.resize(options.items);
  return found;
}

}  // namespace

Result<std::vector<BeamItem>> beam_search(CodeScorer& scorer, const ItemTrie& trie,
                                          const BeamOptions& options) {
  if (options.beam == 0 || options.beam > kMaxBeam)
    return invalid("beam: " + std::to_string(options.beam) + " is not in 1.." + std::to_string(kMaxBeam));
  if (options.items > kMaxBeam)
    return invalid("items: " + std::to_string(options.items) + " is above " + std::to_string(kMaxBeam));
  PENCHANT_DO(check(scorer, trie));
  if (options.nodes != nullptr && options.nodes->size() != trie.nodes())
    return invalid("the node mask has " + std::to_string(options.nodes->size()) + " bits, the trie " +
                   std::to_string(trie.nodes()) + " nodes: it was made for another trie");
  const Gate gate(trie, options);
  if (trie.nodes() == 0 || !gate.open(0)) return std::vector<BeamItem>{};

  std::vector<Candidate> beam{{0.0f, 0, 0}};
  std::vector<std::uint32_t> parents;
  std::vector<std::uint16_t> codes;
  for (std::size_t level = 0; level < trie.depth() && !beam.empty(); ++level) {
    if (options.expired && options.expired()) return too_late();
    Matrix<float> log_probs;
    if (level == 0) {
      log_probs = scorer.start();
    } else {
      parents.clear();
      codes.clear();
      for (const auto& b : beam) {
        parents.push_back(b.parent);
        codes.push_back(trie.code(Node{b.node}));
      }
      log_probs = scorer.next(parents, codes);
    }
    PENCHANT_CHECK(log_probs.rows() == beam.size(), "one row of log-probabilities per beam");
    const bool last = level + 1 == trie.depth();
    Best best(last ? std::max(options.beam, options.items) : options.beam, gate);
    expand(trie, beam, log_probs, best);
    best.finish(beam);
  }
  return items_of(trie, beam, options);
}

namespace {

Status check_hidden(const nn::DepthDecoder& decoder, std::span<const float> hidden) {
  if (hidden.size() != decoder.shape().dim)
    return invalid("the user state has " + std::to_string(hidden.size()) +
                   " numbers, the generator expects " + std::to_string(decoder.shape().dim));
  return {};
}

/// Depth first over batches of prefixes: `nodes[b]` is beam b of `scorer`, whose next codes have
/// `log_probs`. The scorer is copied per batch, so no more than depth * kBatch rows are alive.
class Exhaustive {
 public:
  Exhaustive(const ItemTrie& trie, std::vector<float>& scores, const std::function<bool()>& expired)
      : trie_(trie), scores_(scores), expired_(expired) {}

  Status run(CodeScorer& scorer, const std::vector<Candidate>& beam, const Matrix<float>& log_probs) {
    PENCHANT_CHECK(log_probs.rows() == beam.size(), "one row of log-probabilities per beam");
    std::vector<Candidate> batch;
    for (std::uint32_t b = 0; b < beam.size(); ++b) {
      const auto edges = trie_.children(Node{beam[b].node});
      const auto row = log_probs.row(b);
      for (std::uint32_t c = 0; c < edges.codes.size(); ++c) {
        const float step = edges.codes[c] < row.size() ? row[edges.codes[c]] : kImpossible;
        const Candidate child{std::isnan(step) ? kImpossible : beam[b].score + step, edges.first + c, b};
        if (trie_.is_leaf(Node{child.node})) {
          for (const ItemId item : trie_.items_at(Node{child.node}))
            scores_[catalog::index(item)] = child.score;
          continue;
        }
        batch.push_back(child);
        if (batch.size() == kBatch) PENCHANT_DO(descend(scorer, batch));
      }
    }
    return batch.empty() ? Status{} : descend(scorer, batch);
  }

 private:
  static constexpr std::size_t kBatch = 1024;

  Status descend(const CodeScorer& scorer, std::vector<Candidate>& batch) {
    if (expired_ && expired_()) return too_late();
    std::vector<std::uint32_t> parents;
    std::vector<std::uint16_t> codes;
    for (const auto& child : batch) {
      parents.push_back(child.parent);
      codes.push_back(trie_.code(Node{child.node}));
    }
    const auto branch = scorer.branch();
    const auto log_probs = branch->next(parents, codes);
    PENCHANT_DO(run(*branch, batch, log_probs));
    batch.clear();
    return {};
  }

  const ItemTrie& trie_;  // lives through the call, as the two below
  std::vector<float>& scores_;
  const std::function<bool()>& expired_;
};

}  // namespace

Result<std::vector<float>> exhaustive_scores(CodeScorer& scorer, const ItemTrie& trie, std::size_t items,
                                             const std::function<bool()>& expired) {
  PENCHANT_DO(check(scorer, trie));
  for (const ItemId item : trie.items_below(Node::root))
    if (catalog::index(item) >= items)
      return invalid("the trie holds item " + std::to_string(catalog::index(item)) + " of " +
                     std::to_string(items));
  std::vector<float> scores(items, kImpossible);
  if (trie.nodes() == 0) return scores;
  if (expired && expired()) return too_late();
  const auto log_probs = scorer.start();
  PENCHANT_DO(Exhaustive(trie, scores, expired).run(scorer, {{0.0f, 0, 0}}, log_probs));
  return scores;
}

Result<std::vector<BeamItem>> beam_search(const Generator& generator, std::span<const float> hidden,
                                          const BeamOptions& options) {
  PENCHANT_DO(check_hidden(generator.decoder, hidden));
  GeneratorScorer scorer(generator, hidden);
  return beam_search(scorer, generator.trie, options);
}

Result<std::vector<float>> exhaustive_scores(const Generator& generator, std::span<const float> hidden,
                                             std::size_t items, const std::function<bool()>& expired) {
  PENCHANT_DO(check_hidden(generator.decoder, hidden));
  GeneratorScorer scorer(generator, hidden);
  return exhaustive_scores(scorer, generator.trie, items, expired);
}

}  // namespace penchant::generate
