#include "penchant/generate/lookahead.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "penchant/kernels/vectors.h"
#include "penchant/semantic_id/kmeans.h"

namespace penchant::generate {
namespace {

using catalog::ItemId;
using semantic_id::ItemTrie;
using Node = ItemTrie::Node;

constexpr std::uint32_t kIterations = 8;  ///< of k-means over the items of a prefix

/// log of a sum of exponentials, one term at a time.
class LogSum {
 public:
  void add(float x) {
    if (x <= highest_) {
      sum_ += std::exp(x - highest_);
    } else {
      sum_ = sum_ * std::exp(highest_ - x) + 1;
      highest_ = x;
    }
  }
  [[nodiscard]] float value() const { return sum_ > 0 ? highest_ + std::log(sum_) : highest_; }

 private:
  float highest_ = -std::numeric_limits<float>::infinity(), sum_ = 0;
};

/// The groups of one prefix.
struct Groups {
  std::vector<float> means, weights, spreads;
};

Result<Groups> groups_of(std::span<const ItemId> below, const DenseItems& items, Executor& executor) {
  std::vector<std::uint32_t> members;
  for (const ItemId item : below)
    if (items.untrained[catalog::index(item)] == 0) members.push_back(catalog::index(item));
  if (members.empty())
    for (const ItemId item : below) members.push_back(catalog::index(item));
  const std::size_t d = items.vectors.cols(), k = std::min(Lookahead::kGroups, members.size());
  Matrix<float> rows(members.size(), d);
  for (std::size_t r = 0; r < members.size(); ++r) std::ranges::copy(items.vectors.row(members[r]), rows.row(r).begin());
  PENCHANT_TRY(fit, semantic_id::fit_kmeans(rows.view(), {.clusters = static_cast<std::uint32_t>(k), .iterations = kIterations}, executor));
  Groups out;
  std::vector<float> counts(k, 0), squares(k, 0);
  std::vector<LogSum> weights(k);
  Matrix<float> sums(k, d);
  for (std::size_t r = 0; r < members.size(); ++r) {
    kernels::add_scaled(sums.row(fit.codes[r]), 1, rows.row(r));
    weights[fit.codes[r]].add(items.bias[members[r]]);
    squares[fit.codes[r]] += fit.distances[r];
    ++counts[fit.codes[r]];
  }
  for (std::size_t g = 0; g < k; ++g) {
    if (counts[g] == 0) continue;
    for (const float v : sums.row(g)) out.means.push_back(v / counts[g]);
    out.weights.push_back(weights[g].value());
    out.spreads.push_back(Lookahead::kSpread / 2 * squares[g] / counts[g] / static_cast<float>(d));
  }
  return out;
}

/// The same prefix in another trie, going down from the root: parents come before their children.
std::vector<std::uint32_t> places_in(const ItemTrie& trie, const ItemTrie& other) {
  constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint32_t> place(trie.nodes(), kNone);
  if (trie.nodes() == 0 || other.nodes() == 0) return place;
  place[0] = 0;
  for (std::uint32_t n = 0; n < trie.nodes(); ++n) {
    const auto edges = trie.children(Node{n});
    for (std::uint32_t c = 0; place[n] != kNone && c < edges.codes.size(); ++c)
      if (const auto found = other.child(Node{place[n]}, edges.codes[c])) place[edges.first + c] = static_cast<std::uint32_t>(*found);
  }
  return place;
}

}  // namespace

std::vector<float> dense_query(const artifact::ModelShape& shape, std::span<const float> hidden) {
  std::vector<float> query(hidden.begin(), hidden.end());
  if (shape.normalised) kernels::l2_normalise(query);
  for (float& v : query) v *= static_cast<float>(shape.logit_scale);
  return query;
}

Result<Lookahead> Lookahead::build(const ItemTrie& trie, const DenseItems& items, Executor& executor, const ItemTrie* earlier_trie,
                                   const Lookahead* earlier) {
  const std::size_t d = items.vectors.cols();
  std::vector<std::uint32_t> place;
  if (earlier_trie != nullptr && earlier != nullptr) place = places_in(trie, *earlier_trie);
  Lookahead out;
  out.offsets_.assign(1, 0);
  for (std::uint32_t n = 0; n < trie.nodes(); ++n) {
    // The root is nobody's child.
    if (const auto below = trie.items_below(Node{n}); n > 0 && below.size() > kGroups) {
      const std::uint32_t was = place.empty() ? std::numeric_limits<std::uint32_t>::max() : place[n];
      const bool known = was < place.size() && was + 1 < earlier->offsets_.size() && earlier->offsets_[was + 1] > earlier->offsets_[was];
      if (known) {
        const std::uint32_t first = earlier->offsets_[was], last = earlier->offsets_[was + 1];
        out.means_.insert(out.means_.end(), earlier->means_.begin() + static_cast<std::ptrdiff_t>(first * d),
                          earlier->means_.begin() + static_cast<std::ptrdiff_t>(last * d));
        out.weights_.insert(out.weights_.end(), earlier->weights_.begin() + first, earlier->weights_.begin() + last);
        out.spreads_.insert(out.spreads_.end(), earlier->spreads_.begin() + first, earlier->spreads_.begin() + last);
      } else {
        PENCHANT_TRY(groups, groups_of(below, items, executor));
        out.means_.insert(out.means_.end(), groups.means.begin(), groups.means.end());
        out.weights_.insert(out.weights_.end(), groups.weights.begin(), groups.weights.end());
        out.spreads_.insert(out.spreads_.end(), groups.spreads.begin(), groups.spreads.end());
      }
    }
    out.offsets_.push_back(static_cast<std::uint32_t>(out.weights_.size()));
  }
  return out;
}

void Lookahead::children(const ItemTrie& trie, Node node, const DenseItems& items, std::span<const float> query,
                         std::span<float> out, std::span<const float> logits) const {
  const auto edges = trie.children(node);
  PENCHANT_CHECK(out.size() == edges.codes.size() && offsets_.size() == trie.nodes() + 1, "a lookahead of this trie, one score per child");
  if (out.empty()) return;
  // Groups of neighbours lie one after another.
  const std::size_t d = query.size(), begin = offsets_[edges.first], groups = offsets_[edges.first + out.size()] - begin;
  const float square = kernels::dot(query, query);
  std::vector<float> of_groups(groups);
  if (groups > 0) kernels::scores({means_.data() + begin * d, groups, d}, query, of_groups);
  const auto logit = [&](ItemId item) {
    const std::size_t row = catalog::index(item);
    return logits.empty() ? kernels::dot(items.vectors.row(row), query) + items.bias[row] : logits[row];
  };
  for (std::uint32_t c = 0; c < out.size(); ++c) {
    const std::uint32_t child = edges.first + c, first = offsets_[child], last = offsets_[child + 1];
    LogSum sum;
    for (std::uint32_t g = first; g < last; ++g) sum.add(of_groups[g - begin] + weights_[g] + spreads_[g] * square);
    if (first == last)
      for (const ItemId item : trie.items_below(Node{child})) sum.add(logit(item));
    out[c] = sum.value();
  }
}

}  // namespace penchant::generate
