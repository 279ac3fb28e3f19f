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

constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

/// The same prefix in another trie, or kNone; going down from the root, as parents come before their children.
std::vector<std::uint32_t> places_in(const ItemTrie& trie, const ItemTrie* other) {
  std::vector<std::uint32_t> place(trie.nodes(), kNone);
  if (other == nullptr || trie.nodes() == 0 || other->nodes() == 0) return place;
  place[0] = 0;
  for (std::uint32_t n = 0; n < trie.nodes(); ++n) {
    const auto edges = trie.children(Node{n});
    for (std::uint32_t c = 0; place[n] != kNone && c < edges.codes.size(); ++c)
      if (const auto found = other->child(Node{place[n]}, edges.codes[c])) place[edges.first + c] = static_cast<std::uint32_t>(*found);
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

void Lookahead::Groups::append(const Groups& other, std::size_t first, std::size_t last, std::size_t d) {
  const auto copy = [](std::vector<float>& to, const std::vector<float>& from, std::size_t begin, std::size_t end) {
    to.insert(to.end(), from.begin() + static_cast<std::ptrdiff_t>(begin), from.begin() + static_cast<std::ptrdiff_t>(end));
  };
  copy(means, other.means, first * d, last * d);
  copy(weights, other.weights, first, last);
  copy(spreads, other.spreads, first, last);
}

Result<Lookahead::Groups> Lookahead::groups_of(std::span<const ItemId> below, const DenseItems& items, Executor& executor) {
  std::vector<std::uint32_t> members;
  for (const ItemId item : below)
    if (items.untrained[catalog::index(item)] == 0) members.push_back(catalog::index(item));
  if (members.empty())
    for (const ItemId item : below) members.push_back(catalog::index(item));
  const std::size_t d = items.vectors.cols(), k = std::min(kGroups, members.size());
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
    out.spreads.push_back(kSpread / 2 * squares[g] / counts[g] / static_cast<float>(d));
  }
  return out;
}

Result<Lookahead> Lookahead::build(const ItemTrie& trie, const DenseItems& items, Executor& executor, const ItemTrie* earlier_trie,
                                   const Lookahead* earlier) {
  const std::size_t d = items.vectors.cols();
  const auto place = places_in(trie, earlier_trie);
  Lookahead out;
  out.offsets_.assign(1, 0);
  for (std::uint32_t n = 0; n < trie.nodes(); ++n) {
    // The root is nobody's child.
    if (const auto below = trie.items_below(Node{n}); n > 0 && below.size() > kGroups) {
      const bool known = place[n] != kNone && earlier->offsets_[place[n] + 1] > earlier->offsets_[place[n]];
      if (known) {
        out.groups_.append(earlier->groups_, earlier->offsets_[place[n]], earlier->offsets_[place[n] + 1], d);
      } else {
        PENCHANT_TRY(groups, groups_of(below, items, executor));
        out.groups_.append(groups, 0, groups.weights.size(), d);
      }
    }
    out.offsets_.push_back(static_cast<std::uint32_t>(out.groups_.weights.size()));
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
  if (groups > 0) kernels::scores({groups_.means.data() + begin * d, groups, d}, query, of_groups);
  const auto logit = [&](ItemId item) {
    const std::size_t row = catalog::index(item);
    return logits.empty() ? kernels::dot(items.vectors.row(row), query) + items.bias[row] : logits[row];
  };
  for (std::uint32_t c = 0; c < out.size(); ++c) {
    const std::uint32_t child = edges.first + c, first = offsets_[child], last = offsets_[child + 1];
    LogSum sum;
    for (std::uint32_t g = first; g < last; ++g) sum.add(of_groups[g - begin] + groups_.weights[g] + groups_.spreads[g] * square);
    if (first == last)
      for (const ItemId item : trie.items_below(Node{child})) sum.add(logit(item));
    out[c] = sum.value();
  }
}

}  // namespace penchant::generate
